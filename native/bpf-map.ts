/** Taking elements out of BPF maps, through libbpf. */
import koffi from 'koffi';

const bind = () =>
  koffi.load('libbpf.so.1').func('int bpf_map_delete_elem(int fd, const void *key)');

let deleteElem: ReturnType<typeof bind> | undefined;

/** Take one element out of a map; one that is not there is no error. */
export function deleteElement(fd: number, key: Uint8Array): void {
  deleteElem ??= bind();
  deleteElem(fd, key);
}
