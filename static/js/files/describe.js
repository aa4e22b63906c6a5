// What is said about a file: its kind, its size, its icon. The server says the same (`src/web/views/files.rs`).

const ARCHIVES = new Set(['zip', 'gzip', 'x-tar', 'x-7z-compressed', 'vnd.rar', 'x-bzip2', 'x-xz']);
const DOCUMENTS = new Set(['pdf', 'json', 'xml']);

// A number of bytes in words: "1.2 MB". A kilobyte has 1,024, as in the settings.
export function size(bytes) {
  if (bytes === 1) return '1 byte';
  const rounded = (unit) => Math.floor((bytes + Math.floor(unit / 2)) / unit);
  let [unit, name] = [1, 'bytes'];
  for (const next of ['KB', 'MB', 'GB', 'TB']) {
    // What would be rounded to a thousand has the next unit.
    if (rounded(unit) < 1000) break;
    [unit, name] = [unit * 1024, next];
  }
  const tenths = Math.floor((bytes * 10 + unit / 2) / unit);
  return unit > 1 && tenths < 100 && tenths % 10 ? `${Math.floor(tenths / 10)}.${tenths % 10} ${name}` : `${rounded(unit)} ${name}`;
}

// "PDF · 1.2 MB".
export function about({ name, bytes, expired }) {
  const ending = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1];
  return `${expired ? 'Expired · ' : ''}${ending ? ending.toUpperCase() : 'File'} · ${size(bytes)}`;
}

// The name of its icon.
export function iconOf(type) {
  const [kind, rest] = type.split('/');
  if (kind === 'image') return 'picture';
  if (kind === 'video' || kind === 'audio') return kind;
  if (kind === 'text' || (kind === 'application' && DOCUMENTS.has(rest))) return 'document';
  return kind === 'application' && ARCHIVES.has(rest) ? 'archive' : 'file';
}

// A message in one line, where its text is empty: "cat.png and 2 more", in the order in which they are shown.
export function names(files = []) {
  const [first, ...rest] = [...files.filter(isPicture), ...files.filter((file) => !isPicture(file))];
  if (!first) return '';
  return rest.length ? `${first.name} and ${rest.length} more` : first.name;
}

// Whether a file is shown as a picture.
export function isPicture({ type = '', width, height, preview }) { return type.startsWith('image/') && width > 0 && height > 0 && !!preview; }
