import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import type { Clock } from '../../../core/ports/clock.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { TlsConfig } from './config.ts';
import { TlsError } from './errors.ts';
import { type CertificateFiles, generatedCertificate } from './generate.ts';

/** Of whoever connects and then says nothing, or not enough, a server gives up after this. Node's own is two minutes. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
const SOON_MS = 14 * 86_400_000;

/** What {@link openCertificate} needs. */
export interface CertificateOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a certificate says. */
export interface CertificateFacts {
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly until: number;
  /** SHA-256 of the certificate, as clients show it. */
  readonly fingerprint: string;
}

/** A server's certificate, kept up to date from its files. */
export interface ServerCertificate extends Disposable {
  /** For `tls.createServer` and its kin; the handshake's deadline among them. */
  readonly options: SecureContextOptions & { readonly handshakeTimeout: number };
  readonly facts: CertificateFacts;
  /** From now on the server shows new connections whatever certificate is in the files. Connections that there are go on. */
  follow(server: Pick<Server, 'setSecureContext'>): void;
}

/**
 * Reads the certificate of a transport, making it first where the config says so, and looks at the files again every `reloadSeconds`. New files that
 * can't be used (half written, of another key) change nothing: what was good is used on, and the log says so.
 * @throws TlsError where they can't be used at the start.
 */
export async function openCertificate(config: TlsConfig, options: CertificateOptions): Promise<ServerCertificate> {
  const { dir, names } = config;
  const files = config.generate
    ? await generatedCertificate({ dir, names, now: options.clock.now(), logger: options.logger })
    : { cert: config.cert as string, key: config.key as string };
  const certificate = new FollowedCertificate(config, files, options, await load(config, files));
  certificate.watch();
  return certificate;
}

interface Loaded {
  readonly context: SecureContextOptions;
  readonly facts: CertificateFacts;
  readonly digest: string;
}

class FollowedCertificate implements ServerCertificate {
  readonly #config: TlsConfig;
  readonly #files: CertificateFiles;
  readonly #options: CertificateOptions;
  readonly #servers = new Set<Pick<Server, 'setSecureContext'>>();
  #loaded: Loaded;
  #failures = 0;
  #timer: Disposable | undefined;
  #isClosed = false;

  constructor(config: TlsConfig, files: CertificateFiles, options: CertificateOptions, loaded: Loaded) {
    this.#config = config;
    this.#files = files;
    this.#options = options;
    this.#loaded = loaded;
    this.#tellAge();
  }

  get options(): ServerCertificate['options'] {
    return { ...this.#loaded.context, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  }

  get facts(): CertificateFacts {
    return this.#loaded.facts;
  }

  follow(server: Pick<Server, 'setSecureContext'>): void {
    this.#servers.add(server);
  }

  watch(): void {
    this.#timer = this.#options.clock.setTimer(this.#config.reloadSeconds * 1000, () => {
      void this.#look().finally(() => {
        if (!this.#isClosed) this.watch();
      });
    });
  }

  async #look(): Promise<void> {
    const { logger } = this.#options;
    try {
      const loaded = await load(this.#config, this.#files);
      this.#failures = 0;
      if (this.#isClosed || loaded.digest === this.#loaded.digest) return;
      for (const server of this.#servers) server.setSecureContext(loaded.context);
      this.#loaded = loaded;
      logger.info({ cert: this.#files.cert, until: new Date(loaded.facts.until).toISOString() }, 'a new certificate is used from now on');
      this.#tellAge();
    } catch (error) {
      this.#failures += 1;
      // The files are not replaced in one moment: once is no reason to worry anybody, and every time would be too often.
      if (this.#failures === 2) logger.warn({ err: error }, 'the certificate can not be read anew; the old one is used on');
    }
  }

  #tellAge(): void {
    const left = this.#loaded.facts.until - this.#options.clock.now();
    const fields = { cert: this.#files.cert, until: new Date(this.#loaded.facts.until).toISOString() };
    if (left <= 0) this.#options.logger.error(fields, 'the certificate has run out: clients refuse it');
    else if (left < SOON_MS) this.#options.logger.warn(fields, 'the certificate runs out soon: renew it');
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    this.#servers.clear();
  }
}

async function load({ ca, minVersion }: TlsConfig, files: CertificateFiles): Promise<Loaded> {
  const [cert, key, chain] = [await read(files.cert), await read(files.key), ca === undefined ? '' : await read(ca)];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (error) {
    throw new TlsError(`${files.cert}: no certificate in PEM`, { cause: error });
  }
  const context: SecureContextOptions = { cert: chain === '' ? cert : `${cert}\n${chain}`, key, minVersion };
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new TlsError(`${files.key}: is not the key of ${files.cert}`);
    createSecureContext(context);
  } catch (error) {
    if (error instanceof TlsError) throw error;
    throw new TlsError(`${files.key}: no key in PEM that can be used (it must have no password)`, { cause: error });
  }
  return {
    context,
    facts: {
      names: (certificate.subjectAltName ?? certificate.subject).split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, '')),
      until: Date.parse(certificate.validTo),
      fingerprint: certificate.fingerprint256,
    },
    digest: createHash('sha256').update(`${cert}\0${key}\0${chain}`).digest('hex'),
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'this user may not read it' : `can't be read (${code})`;
    throw new TlsError(`${file}: ${why}`, { cause: error });
  }
}
