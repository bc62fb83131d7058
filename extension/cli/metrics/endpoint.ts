/** GET /metrics on the loopback. */
import http from 'node:http';

const ADDRESS = '127.0.0.1';
/** A page in a browser of this machine can be led here under another name: it must not read what is counted. */
const HOSTS = /^(127\.0\.0\.1|localhost)(:\d+)?$/;
const MAX_CONNECTIONS = 16;
const TIMEOUT_MS = 5000;

export interface Answer {
  readonly contentType: string;
  readonly text: string;
}

export class Endpoint {
  readonly #server: http.Server;

  /** @param failed hears of a port that cannot be had */
  constructor(port: number, answer: () => Promise<Answer>, failed: (error: Error) => void) {
    this.#server = http.createServer((request, response) => {
      const refuse = (status: number) => response.writeHead(status).end();
      if (!HOSTS.test(request.headers.host ?? '')) return refuse(421);
      if (request.url?.split('?')[0] !== '/metrics') return refuse(404);
      if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405);
      return answer().then(
        ({ contentType, text }) => {
          response.writeHead(200, { 'content-type': contentType });
          response.end(request.method === 'HEAD' ? undefined : text);
        },
        () => refuse(500),
      );
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.headersTimeout = TIMEOUT_MS;
    this.#server.requestTimeout = TIMEOUT_MS;
    this.#server.on('error', failed);
    this.#server.listen(port, ADDRESS);
    this.#server.unref();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
