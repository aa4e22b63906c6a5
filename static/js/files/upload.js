// One file on its way to the server: its state, how much of it is there, and what went wrong. It goes by tus, so that it survives a lost
// connection, a restarted server and a reloaded page (docs/decisions/0072).
import { explained } from '#js/files/upload-errors.js';
import { get, keys, set } from '#js/core/user-storage.js';

// The size of a request, in bytes: what a broken connection may cost. Behind a proxy that refuses it, the smaller one.
const CHUNK = 8 * 1024 * 1024;
const SMALL_CHUNK = 512 * 1024;
// Up to this size a file takes one request.
const ONE_REQUEST = 1024 * 1024;
// How long to wait between tries, in milliseconds; then the upload waits for the connection, or for the person.
const DELAYS = [0, 500, 1_000, 2_000, 4_000, 8_000];
// Answers that pass by themselves: somebody else's request to this upload, too many requests, a server that starts.
const PASSING = new Set([408, 409, 423, 425, 429]);

export class Upload extends EventTarget {
  #me; #tus = null; #chunk = CHUNK; #turn = 0;
  // `waiting`, `sending`, `paused` (without a connection), `done`, `failed` or `cancelled`.
  state = 'waiting';
  // How many bytes the server has.
  sent = 0;
  problem = '';
  // What it is called on the server, once it is there.
  id = null;
  // What a picture shows, in the sender's words.
  alt = '';

  constructor(file, me, problem = '') {
    super();
    this.file = file;
    this.name = file.name;
    this.bytes = file.size;
    this.type = file.type || 'application/octet-stream';
    this.#me = me;
    if (problem) Object.assign(this, { state: 'failed', problem, isFinal: true });
  }

  get isOver() { return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled'; }

  // Sends what the server does not have yet.
  async start() {
    const turn = this.#turn += 1;
    this.#become('sending');
    try {
      // Not an ES module: it defines a global.
      await import('#vendor/tus-js-client/tus.min.js');
      if (turn !== this.#turn) return;
      this.#tus ??= await this.#begun();
      this.#tus.options.chunkSize = this.#chunk;
    } catch {
      return this.#failed(null);
    }
    if (turn === this.#turn) this.#tus.start();
  }

  // The same again, from where it stopped.
  retry() {
    this.problem = '';
    return this.start();
  }

  // Gives it up: the server drops what it has.
  cancel() {
    this.#turn += 1;
    this.#become('cancelled');
    // The server drops it by itself after a while.
    this.#tus?.abort(true).catch(() => {});
  }

  // Goes on when the connection is back.
  resume() { if (this.state === 'paused') this.start(); }

  async #begun() {
    const tus = new globalThis.tus.Upload(this.file, {
      endpoint: new URL('/uploads', location.href).href,
      headers: { accept: 'application/json' },
      metadata: { filename: this.name, filetype: this.type },
      uploadDataDuringCreation: this.bytes > 0 && this.bytes <= ONE_REQUEST,
      retryDelays: DELAYS,
      urlStorage: new UploadUrls(this.#me),
      removeFingerprintOnSuccess: true,
      onProgress: (sent) => { this.sent = sent; this.dispatchEvent(new Event('progress')); },
      onSuccess: () => this.#done(),
      onError: (error) => this.#failed(error),
      onShouldRetry: (error) => { const status = statusOf(error); return !status || PASSING.has(status) || status >= 500; },
      // Otherwise a question for the offset that a starting server refuses begins a new upload.
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'HEAD' && (response.getStatus() >= 500 || PASSING.has(response.getStatus()))) throw new Error('not now');
      },
    });
    // Begun before a reload, with the same file.
    const [last] = (await tus.findPreviousUploads()).sort((a, b) => Date.parse(b.creationTime) - Date.parse(a.creationTime));
    if (last) tus.resumeFromPreviousUpload(last);
    return tus;
  }

  #done() {
    this.id = decodeURIComponent(new URL(this.#tus.url).pathname.split('/').pop());
    this.sent = this.bytes;
    this.#become('done');
  }

  #failed(error) {
    if (this.state === 'cancelled') return;
    const status = statusOf(error);
    if (status === 401) dispatchEvent(new Event('unauthenticated'));
    const { problem, isProxy } = explained(status, error?.originalResponse?.getBody() ?? '', this);
    // A proxy's limit is for one request.
    if (isProxy && this.#chunk > SMALL_CHUNK) {
      this.#chunk = SMALL_CHUNK;
      return void this.start();
    }
    if (!status) return this.#become('paused');
    this.problem = problem;
    this.#become('failed');
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

const statusOf = (error) => error?.originalResponse?.getStatus() ?? 0;

// Where the uploads of a person are that did not end, for tus: in this browser, until the person logs out.
class UploadUrls {
  #prefix;

  constructor(me) { this.#prefix = `upload:${me.id}:`; }

  async findAllUploads() { return this.#find(this.#prefix); }

  async findUploadsByFingerprint(fingerprint) { return this.#find(`${this.#prefix}${fingerprint}::`); }

  async removeUpload(key) { set(key, undefined); }

  async addUpload(fingerprint, upload) {
    const key = `${this.#prefix}${fingerprint}::${Date.now()}`;
    set(key, upload);
    return key;
  }

  #find(prefix) { return keys().filter((key) => key.startsWith(prefix)).map((key) => ({ ...get(key), urlStorageKey: key })); }
}
