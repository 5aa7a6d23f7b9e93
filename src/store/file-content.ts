import { basename } from 'node:path';
import { StoreError } from '../core/store/errors.ts';
import type { Content } from '../core/store/items.ts';
import { contentTypeOf } from './content-types.ts';
import { type FileIdentities, type FileIdentity, openFile } from './file-identity.ts';

/** What to do where a file is not what it was when it was sold. */
export type WhenChanged = 'refuse' | 'deliver';

/** Opens a file that was sold. @throws StoreError `CHANGED`, `ITEM_UNAVAILABLE`. */
export async function fileContent(
  path: string,
  sold: FileIdentity,
  identities: FileIdentities,
  whenChanged: WhenChanged,
): Promise<Content> {
  let file: Awaited<ReturnType<typeof openFile>>;
  try {
    file = await openFile(path);
  } catch (error) {
    throw asStoreError(error);
  }
  const { handle, size } = file;
  try {
    if (whenChanged === 'refuse' && !(await identities.isSame(path, file, sold))) {
      throw new StoreError('CHANGED', 'the seller has changed what you bought since');
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  const name = basename(path);
  return {
    contentType: contentTypeOf(name),
    filename: name,
    size,
    // Never more than was said: the file may grow meanwhile.
    async *read(start) {
      if (start < size) yield* handle.createReadStream({ start, end: size - 1, autoClose: false });
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** A file that is gone is told from a disk that does not answer. */
export function asStoreError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof StoreError || code === undefined) return error;
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'].includes(String(code)))
    return new StoreError('CHANGED', 'the seller has removed what you bought', { cause: error });
  return new StoreError('ITEM_UNAVAILABLE', 'what you bought can not be read at the moment; try again later', { cause: error });
}
