/** The connections that the assembler knows, and their prepared texts; the oldest go when there are too many. */
import { newSession, type Prepared, type Session } from './session.ts';

/** Connections that are remembered at the same time. */
const MAX_SESSIONS = 65_536;
/** Prepared texts of all connections together, bytes; each counts for a little more than itself. */
const MAX_PREPARED_BYTES = 64 * 1024 * 1024;
const PREPARED_OVERHEAD = 200;

export class Sessions {
  readonly #servers = new Map<number, Map<number, Session>>();
  #count = 0;
  #preparedBytes = 0;

  of(tgid: number, thd: number): Session | undefined {
    return this.#servers.get(tgid)?.get(thd);
  }

  /** The session, made where it was not known. */
  open(tgid: number, thd: number): Session {
    let server = this.#servers.get(tgid);
    if (!server) {
      server = new Map();
      this.#servers.set(tgid, server);
    }
    let session = server.get(thd);
    if (session) return session;
    if (this.#count >= MAX_SESSIONS) this.#forgetOldest();
    session = newSession(tgid, thd);
    server.set(thd, session);
    this.#count++;
    return session;
  }

  /** Its place in memory is another connection's from now on. */
  renew(session: Session, server: number, connectionId: number | null): void {
    this.forgetPrepared(session);
    session.server = server;
    session.connectionId = connectionId;
    session.identities = [];
    session.error = null;
  }

  close(session: Session): void {
    this.forgetPrepared(session);
    const server = this.#servers.get(session.tgid);
    if (server?.delete(session.thd)) this.#count--;
    if (server?.size === 0) this.#servers.delete(session.tgid);
  }

  prepare(session: Session, id: number, prepared: Prepared): void {
    session.prepared ??= new Map();
    this.deallocate(session, id);
    session.prepared.set(id, prepared);
    session.lastPrepared = id;
    this.#preparedBytes += prepared.bytes.length + PREPARED_OVERHEAD;
    for (const server of this.#servers.values())
      for (const other of server.values()) {
        if (this.#preparedBytes <= MAX_PREPARED_BYTES) return;
        if (other !== session) this.forgetPrepared(other);
      }
    if (this.#preparedBytes > MAX_PREPARED_BYTES) this.forgetPrepared(session);
  }

  deallocate(session: Session, id: number): void {
    const prepared = session.prepared?.get(id);
    if (!prepared) return;
    session.prepared?.delete(id);
    this.#preparedBytes -= prepared.bytes.length + PREPARED_OVERHEAD;
  }

  forgetPrepared(session: Session): void {
    for (const id of session.prepared?.keys() ?? []) this.deallocate(session, id);
    session.prepared = null;
    session.lastPrepared = 0;
  }

  /** What is known of a server that is gone. */
  forgetServer(tgid: number): void {
    for (const session of this.#servers.get(tgid)?.values() ?? []) this.close(session);
  }

  get servers(): IterableIterator<number> {
    return this.#servers.keys();
  }

  #forgetOldest(): void {
    for (const server of this.#servers.values())
      for (const session of server.values()) {
        this.close(session);
        return;
      }
  }
}
