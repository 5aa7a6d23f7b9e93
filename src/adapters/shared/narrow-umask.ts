/**
 * From now on files are made for their owner only (mode 0600); answers what puts the process's umask back (umask(2)). The file of a Unix
 * socket is made in the turn of `listen`, so between the two it never has wider rights; except in a worker thread, where there is no
 * umask and nothing is done.
 */
export function narrowUmask(): () => void {
  try {
    const before = process.umask(0o177);
    return () => process.umask(before);
  } catch {
    return () => {};
  }
}
