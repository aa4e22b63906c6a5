// The files of a message and the previews of its links, in the markup of `templates/messages/_files.html`.
import { icon, createElement } from '#js/core/dom.js';
import { about, iconOf, isPicture } from '#js/files/describe.js';

// The largest a picture is shown in the log, in CSS pixels.
const WIDEST = 400;
const HIGHEST = 300;

// The element with a message's files; null without any.
export function filesOf({ seq, attachments = [] }) {
  if (!attachments.length) return null;
  const node = createElement('div', 'files');
  set(node, { id: `f${seq}`, role: 'group', 'aria-label': `${attachments.length === 1 ? 'File' : 'Files'}: ${attachments.map(({ name }) => name).join(', ')}` });
  const pictures = attachments.filter(isPicture);
  if (pictures.length) {
    const grid = createElement('div', 'pictures');
    grid.dataset.count = pictures.length;
    grid.append(...pictures.map(picture));
    node.append(grid);
  }
  node.append(...attachments.filter((file) => !isPicture(file)).map(other));
  return node;
}

// The element with the previews of a message's links; null without any.
export function linksOf({ room, seq, links = [] }, mayHide) {
  if (!links.length) return null;
  const node = createElement('div', 'link-previews');
  node.append(...links.map(link));
  if (mayHide) {
    const form = createElement('form', 'hide-links');
    set(form, { method: 'post', action: `/rooms/${room}/messages/${seq}/links/remove` });
    const cross = set(createElement('button', ''), { 'aria-label': 'Remove link previews', title: 'Remove link previews' });
    cross.append(icon('close'));
    form.append(cross);
    node.append(form);
  }
  return node;
}

// Whether an element shows the present state of a message's files. A video that plays is not replaced in vain.
export function shows(node, { attachments = [] }) {
  const shown = [...node?.querySelectorAll('[data-file]') ?? []];
  const find = ({ id }) => shown.find(({ dataset }) => dataset.file === id);
  return shown.length === attachments.length && attachments.every((file) => {
    const there = find(file);
    return there?.hasAttribute('data-preview') === !!file.preview && there.hasAttribute('data-expired') === !!file.expired;
  });
}

function picture(file) {
  const { id, url, name, alt, width, height, blur, preview } = file;
  const isMoving = file.type === 'image/gif';
  const link = createElement('a', 'picture');
  set(link, { href: url, title: name, 'data-file': id, 'data-preview': '', 'data-full': `${width}x${height}`, 'data-moving': isMoving ? '' : undefined });
  if (blur) link.append(set(createElement('img', 'blur'), { src: blur, alt: '' }));
  const [shownWidth, shownHeight] = fitted(width, height);
  link.append(set(createElement('img', 'thumb'), {
    src: `${preview}?size=small`, srcset: `${preview}?size=small&density=2 2x`, alt: alt || name, width: shownWidth, height: shownHeight, loading: 'lazy', decoding: 'async',
  }));
  if (isMoving) link.append(set(createElement('span', 'moving', 'GIF'), { 'aria-hidden': 'true' }));
  return link;
}

function fitted(width, height) {
  if (width <= WIDEST && height <= HIGHEST) return [width, height];
  if (width * HIGHEST > height * WIDEST) return [WIDEST, Math.max(1, Math.floor((height * WIDEST) / width))];
  return [Math.max(1, Math.floor((width * HIGHEST) / height)), HIGHEST];
}

function other(file) {
  if (file.expired) return gone(file);
  const kind = file.type.split('/')[0];
  return kind === 'video' || kind === 'audio' ? player(file, kind) : card(file);
}

function player(file, kind) {
  const { id, url, name, alt, preview } = file;
  const figure = set(createElement('figure', 'player'), { 'data-file': id, 'data-preview': preview ? '' : undefined });
  const media = document.createElement(kind);
  const label = alt || name;
  set(media, kind === 'audio' ? { controls: '', preload: 'none', src: url, 'aria-label': label } : {
    controls: '', playsinline: '', preload: preview ? 'none' : 'metadata', width: 400, height: 225, src: url, 'aria-label': label,
    poster: preview ? `${preview}?size=small&density=2` : undefined,
  });
  const caption = createElement('figcaption', '');
  caption.append(named(file), createElement('span', 'file-about', about(file)));
  figure.append(media, caption);
  return figure;
}

function card(file) {
  const { id, preview, excerpt } = file;
  const node = set(createElement('div', 'file'), { 'data-file': id, 'data-kind': file.type === 'application/pdf' ? 'pdf' : undefined, 'data-preview': preview ? '' : undefined });
  const head = createElement('div', 'file-head');
  const sign = createElement('span', 'file-icon');
  if (preview) sign.append(set(createElement('img', ''), { src: `${preview}?size=small`, alt: '', width: 56, height: 72, loading: 'lazy', decoding: 'async' }));
  else sign.append(icon(iconOf(file.type)));
  const words = createElement('span', 'file-words');
  words.append(named(file), createElement('span', 'file-about', about(file)));
  head.append(sign, words, icon('download'));
  node.append(head);
  if (excerpt) {
    const lines = createElement('div', 'excerpt');
    lines.innerHTML = excerpt; // Made by the server, as a message's HTML is.
    node.append(lines);
  }
  return node;
}

// A file that is too old: only its name is left.
function gone(file) {
  const node = set(createElement('div', 'file'), { 'data-file': file.id, 'data-expired': '' });
  const head = createElement('div', 'file-head');
  const sign = createElement('span', 'file-icon');
  sign.append(icon(iconOf(file.type)));
  const words = createElement('span', 'file-words');
  words.append(createElement('span', 'file-name', file.name), createElement('span', 'file-about', about(file)));
  head.append(sign, words);
  node.append(head);
  return node;
}

function named({ url, name }) { return set(createElement('a', 'file-name', name), { href: url, download: name }); }

function link({ url, title, description, image }) {
  const node = createElement('div', 'link-preview');
  const host = new URL(url).host.replace(/^www\./, '');
  const words = createElement('div', 'link-words');
  words.append(createElement('span', 'link-host', host), set(createElement('a', 'link-title', title || host), { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }));
  if (description) words.append(createElement('p', '', description));
  node.append(words);
  if (image) node.append(set(createElement('img', ''), { src: `${image}?size=small`, alt: '', width: 96, height: 72, loading: 'lazy', decoding: 'async' }));
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  return node;
}
