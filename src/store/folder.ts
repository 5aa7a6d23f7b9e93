import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { Msat } from '../core/lightning/amount.ts';
import { StoreError } from '../core/store/errors.ts';
import type { ItemSource, Listing } from '../core/store/items.ts';
import { asStoreError, fileContent, type WhenChanged } from './file-content.ts';
import { FileIdentities, type FileIdentity } from './file-identity.ts';
import { surpriseFrom } from './surprise.ts';

/** What a folder is sold as. */
export interface FolderOptions {
  /** The price of each file: one for all, or by its path within the folder, `cats/two.txt`. */
  readonly price: Msat | ((path: string) => Msat);
  /** Stands before the items' names, for several folders in one store; nothing unless given. */
  readonly under?: string;
  /** Adds an item `surprise`: some file of the folder; which one is decided by the purchase and does not change. `only`: the files are not sold by name. */
  readonly surprise?: boolean | 'only';
  /** Where a file is not what it was when it was sold: `refuse` (unless given) and note a refund, or `deliver` what is there now. */
  readonly whenChanged?: WhenChanged;
}

/** More than this is not listed; it is for sale all the same. */
const LISTED_FILES = 10_000;
const LISTED_DEPTH = 16;
const LISTING_KEPT_MS = 2_000;

/**
 * Sells the files of a folder, and of the folders in it. Not for sale: what begins with a dot, what is no file, and what a link leads to
 * outside of the folder. Files that are added later are for sale at once.
 */
export function folder(path: string, options: FolderOptions): ItemSource {
  return new FolderSource(resolve(path), options);
}

/** A file that was sold. */
interface FileSnapshot {
  readonly path: string;
  readonly identity: FileIdentity;
}

class FolderSource implements ItemSource {
  readonly name: string;
  readonly #root: string;
  readonly #under: string;
  readonly #options: FolderOptions;
  readonly #identities = new FileIdentities();
  #listed: { readonly paths: Promise<readonly string[]>; readonly at: number } | undefined;

  constructor(root: string, options: FolderOptions) {
    this.#root = root;
    this.#options = options;
    this.#under = options.under === undefined || options.under === '' ? '' : `${options.under.replace(/\/+$/, '')}/`;
    this.name = `folder:${this.#under}`;
  }

  async listings(): Promise<readonly Listing[]> {
    const { surprise = false } = this.#options;
    const paths = await this.#paths();
    const files = surprise === 'only' ? [] : await Promise.all(paths.map((path) => this.#listingOf(path)));
    const listings = files.filter((listing) => listing !== undefined);
    return surprise === false || paths.length === 0 ? listings : [this.#surprise(), ...listings];
  }

  async listing(id: string): Promise<Listing | undefined> {
    const { surprise = false } = this.#options;
    if (surprise !== false && id === this.#surprise().id) return this.#surprise();
    const path = this.#pathOf(id);
    return path === undefined || surprise === 'only' ? undefined : await this.#listingOf(path);
  }

  async offer({ id, random }: Parameters<ItemSource['offer']>[0]): ReturnType<ItemSource['offer']> {
    const listing = await this.listing(id);
    if (listing === undefined) return undefined;
    const isSurprise = this.#options.surprise !== undefined && id === this.#surprise().id;
    const path = isSurprise ? surpriseFrom(await this.#paths(), random) : this.#pathOf(id);
    const real = path === undefined ? undefined : await this.#inside(path);
    if (path === undefined || real === undefined) return undefined;
    const snapshot: FileSnapshot = { path, identity: await this.#identities.of(real) };
    return { title: listing.title, priceMsat: listing.priceMsat, snapshot: JSON.stringify(snapshot) };
  }

  async open(_item: string, { snapshot }: { readonly snapshot: string }): ReturnType<ItemSource['open']> {
    const { path, identity } = JSON.parse(snapshot) as FileSnapshot;
    let real: string | undefined;
    try {
      await stat(this.#root);
      real = await this.#inside(path);
    } catch (error) {
      // The folder as a whole is away: a disk that is not there now.
      throw error instanceof StoreError ? error : unavailable(error);
    }
    if (real === undefined) throw new StoreError('CHANGED', 'the seller has removed what you bought');
    return await fileContent(real, identity, this.#identities, this.#options.whenChanged ?? 'refuse');
  }

  #surprise(): Listing {
    const { price } = this.#options;
    const priceMsat = typeof price === 'function' ? price('surprise') : price;
    return {
      id: `${this.#under}surprise`,
      title: 'Surprise me',
      description: 'Something from the shelf; what it is, you see when it is paid.',
      priceMsat,
    };
  }

  async #listingOf(path: string): Promise<Listing | undefined> {
    const real = await this.#inside(path);
    if (real === undefined) return undefined;
    const { price } = this.#options;
    const { size } = await stat(real);
    return { id: this.#under + path, title: path, priceMsat: typeof price === 'function' ? price(path) : price, size };
  }

  /** The path within the folder that an item's name means; undefined where it can't be one. */
  #pathOf(id: string): string | undefined {
    if (!id.startsWith(this.#under)) return undefined;
    const path = id.slice(this.#under.length);
    return isPath(path) ? path : undefined;
  }

  /** The file that is really meant, where that lies in the folder, and nothing on the way to it is hidden. */
  async #inside(path: string): Promise<string | undefined> {
    if (!isPath(path)) return undefined;
    try {
      const [root, real] = await Promise.all([realpath(this.#root), realpath(join(this.#root, path))]);
      const inner = relative(root, real);
      if (!real.startsWith(root.endsWith(sep) ? root : root + sep) || !isPath(inner.split(sep).join('/'))) return undefined;
      return (await stat(real)).isFile() ? real : undefined;
    } catch (error) {
      const known = asStoreError(error);
      if (known instanceof StoreError && known.code === 'CHANGED') return undefined;
      throw known;
    }
  }

  #paths(): Promise<readonly string[]> {
    const now = performance.now();
    if (this.#listed === undefined || now - this.#listed.at > LISTING_KEPT_MS) {
      const paths = this.#walk('', LISTED_DEPTH).then((found) => found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })));
      this.#listed = { paths, at: now };
      paths.catch(() => {
        this.#listed = undefined;
      });
    }
    return this.#listed.paths;
  }

  async #walk(within: string, depth: number): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await readdir(join(this.#root, within), { withFileTypes: true })) {
      const path = within === '' ? entry.name : `${within}/${entry.name}`;
      if (!isPath(path) || found.length >= LISTED_FILES) continue;
      if (entry.isDirectory() && depth > 0) found.push(...(await this.#walk(path, depth - 1)));
      else if (entry.isFile() || (entry.isSymbolicLink() && (await this.#inside(path)) !== undefined)) found.push(path);
    }
    return found;
  }
}

/** Whether a text names a file within a folder: no way up, nothing hidden, nothing that a file system reads otherwise. */
function isPath(text: string): boolean {
  return text !== '' && !/[\0\\]/.test(text) && text.split('/').every((segment) => segment !== '' && !segment.startsWith('.'));
}

function unavailable(cause: unknown): StoreError {
  return new StoreError('ITEM_UNAVAILABLE', 'what you bought can not be read at the moment; try again later', { cause });
}

/** Sells one file under its own name. @throws the file system's errors at its first use. */
export function file(path: string, options: Omit<FolderOptions, 'surprise' | 'price'> & { readonly price: Msat }): ItemSource {
  const name = basename(path);
  const all = folder(resolve(path, '..'), options);
  const id = options.under === undefined || options.under === '' ? name : `${options.under.replace(/\/+$/, '')}/${name}`;
  const isMine = (other: string) => other === id;
  return {
    name: `file:${id}`,
    listings: async () => [await all.listing(id)].filter((listing) => listing !== undefined),
    listing: async (other) => (isMine(other) ? await all.listing(other) : undefined),
    offer: async (order) => (isMine(order.id) ? await all.offer(order) : undefined),
    open: (item, delivered) => all.open(item, delivered),
  };
}
