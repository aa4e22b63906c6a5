// Creates a message's element from the same markup that the server renders, and updates it.
import { button, icon, createElement } from '#js/core/dom.js';
import { uploadsOf } from '#js/files/held-posts.js';
import { filesOf, linksOf, shows } from '#js/files/markup.js';
import { collapse } from '#js/people/blocked.js';
import { at, fill, named, shown } from '#js/people/names.js';
import { reactions } from '#js/room/reactions.js';
import { addresses } from '#js/sidebar/sidebar.js';
import { clock, moment } from '#js/core/time.js';

const HUES = 12;

// A message's element, in its present state.
export function element(message, me) {
  const template = document.querySelector(message.kind === 'text' ? '#message' : '#notice');
  const node = template.content.firstElementChild.cloneNode(true);
  identify(node, message.seq);
  Object.assign(node.dataset, { seq: message.seq, at: message.created_at, author: message.author.username });
  const place = `/rooms/${message.room}/${message.seq}`;
  for (const time of node.querySelectorAll('time')) {
    time.dateTime = message.created_at;
    (time.querySelector('a') ?? time).textContent = clock(message.created_at);
  }
  for (const link of node.querySelectorAll('a.link')) link.href = place;
  if (message.kind === 'text') {
    const avatar = node.querySelector('.avatar');
    fill(avatar, message.author);
    avatar.className = `avatar hue-${message.author.id % HUES}`;
    const by = node.querySelector('.by');
    by.textContent = message.author.name;
    // A deleted account has no profile.
    if (message.author.username.startsWith('-')) by.removeAttribute('href');
    else by.href = `/people/${message.author.username}`;
    at(by, message.author);
    if (message.author.bot) node.querySelector('.byline time').before(createElement('span', 'badge', 'Bot'), ' ');
    node.querySelector('.more').href = `${place}/more`;
    if (message.reply_to) node.prepend(answers(message));
  } else {
    node.querySelector('.notice-more').href = `${place}/more`;
    notice(message, (words) => { node.querySelector('.text').textContent = words; });
    // Needed to fold several people's notices into one (`room/notice-folding.js`).
    if (!message.body && (message.kind === 'joined' || message.kind === 'left')) Object.assign(node.dataset, { deed: message.kind, who: shown(message.author) });
  }
  update(node, message, me);
  collapse(node);
  return node;
}

// Its accessible name: author, time and body, or a notice's text.
function identify(node, id) {
  node.id = `m${id}`;
  const parts = [['y', node.querySelector('.byline')], ['b', node.querySelector('.body')]].filter(([, part]) => part);
  for (const [letter, part] of parts) part.id = letter + id;
  node.setAttribute('aria-labelledby', parts.map(([, part]) => part.id).join(' ') || node.id);
}

// Updates an element to a message's present state. Unchanged parts keep their nodes, and with them the focus.
export function update(node, message, me) {
  node.dataset.rev = message.rev;
  if (message.kind !== 'text') {
    if (!message.deleted_at) return;
    node.querySelector('.text').textContent = 'Notice deleted';
    delete node.dataset.deed;
    return;
  }
  const isGone = !!message.deleted_at;
  node.toggleAttribute('data-gone', isGone);
  node.toggleAttribute('data-edited', !!message.edited_at && !isGone);
  node.toggleAttribute('data-pinned', !!message.pinned);
  node.classList.toggle('message--me', !isGone && addresses(message, me));
  const body = node.querySelector('.body');
  const hadFocus = node.matches(':focus-within:not(:focus)');
  if (isGone) body.replaceChildren(createElement('p', 'gone', 'Message deleted'));
  else if (body.dataset.edited !== (message.edited_at ?? '')) {
    body.innerHTML = message.html; // Sanitized by the server, and the page's policy runs nothing inline.
    body.dataset.edited = message.edited_at ?? '';
  }
  edited(node, body, message, me);
  files(node, message, me);
  pinned(node, message);
  reactions(node.querySelector('.reactions'), message, me);
  // The focused element was removed: the focus stays in the log.
  if (hadFocus && !node.matches(':focus-within')) node.focus({ preventScroll: true });
}

// Marks a message as edited. Those who may see the edit history get a link to it.
function edited(node, body, message, me) {
  node.querySelector('.edited')?.remove();
  if (!message.edited_at || message.deleted_at) return;
  const maySee = me.isAdmin || message.author.username === me.username;
  const mark = createElement(maySee ? 'a' : 'span', 'edited', '(edited)');
  if (maySee) mark.href = `/rooms/${message.room}/${message.seq}/history`;
  mark.title = `Edited ${moment(message.edited_at)}`;
  body.after(mark);
}

// Its files, and the previews of its links. The files' names belong to its accessible name.
function files(node, message, me) {
  const end = node.querySelector('.reactions');
  const old = node.querySelector('.files');
  if (message.deleted_at ? old : !shows(old, message)) {
    old?.remove();
    const shown = message.deleted_at ? null : filesOf(message);
    if (shown) {
      shown.id = node.querySelector('.body').id.replace(/^(column-)?b/, '$1f');
      end.before(shown);
    }
    if (!node.hasAttribute('data-blocked')) label(node);
  }
  const before = node.querySelector('.link-previews');
  const links = message.deleted_at ? null : linksOf(message, mayHideLinks(message, me));
  if (before?.outerHTML === links?.outerHTML) return;
  before?.remove();
  if (links) end.before(links);
}

// Sets its accessible name from its parts.
function label(node) {
  node.setAttribute('aria-labelledby', [...node.querySelectorAll('.byline, .body, .files')].map(({ id }) => id).filter(Boolean).join(' '));
}

function mayHideLinks({ author }, me) {
  const { member, moderator, archived } = document.querySelector('main.room')?.dataset ?? {};
  return member === 'true' && archived !== 'true' && (author.username === me.username || moderator === 'true');
}

function pinned(node, message) {
  const old = node.querySelector('.pinned');
  if (old && old.dataset.by === message.pinned?.by) return;
  old?.remove();
  if (!message.pinned) return;
  const mark = createElement('a', 'pinned');
  mark.href = `/rooms/${message.room}/pins`;
  mark.dataset.by = message.pinned.by;
  named(message.pinned.by, (name) => { mark.replaceChildren(icon('pin'), `Pinned by ${name}`); });
  node.querySelector('.words').prepend(mark);
}

// The line above a reply, until the original is known.
function answers(message) {
  const line = createElement('a', 'answers', 'Original message');
  line.href = `/rooms/${message.room}/${message.reply_to}`;
  line.dataset.to = message.reply_to;
  return line;
}

// A post that the server has not acknowledged.
export function pendingElement(post, me) {
  const node = element({ seq: '', rev: 0, kind: 'text', room: '', author: me, html: '', created_at: new Date().toISOString(), reply_to: post.reply_to }, me);
  identify(node, post.nonce);
  node.removeAttribute('id');
  node.className = `message message--${post.problem ? 'failed' : 'pending'}`;
  node.dataset.nonce = post.nonce;
  node.querySelector('.body').replaceChildren(...(post.body.trim() ? [createElement('p', '', post.body)] : []));
  if (post.files) node.querySelector('.reactions').before(pendingFiles(post));
  node.querySelector('.side').replaceWith(createElement('span', 'side'));
  node.querySelector('.acting').remove();
  if (post.problem) {
    const line = createElement('div', 'failed', post.problem);
    line.role = 'alert';
    // The files of a window that was closed are gone.
    const isLost = post.window && !uploadsOf(post.nonce);
    line.append(...(isLost ? [] : [button('Retry', post.retry)]), button('Discard', post.discard));
    node.querySelector('.body').after(line);
  }
  return node;
}

// The files of a post, with what is uploaded of them.
function pendingFiles({ nonce, files, discard, problem }) {
  const node = createElement('div', 'files');
  const uploads = uploadsOf(nonce);
  const lines = files.map(({ name }) => { const line = createElement('p', 'pending-file', name); line.prepend(icon('attach')); return line; });
  node.append(...lines);
  if (!uploads || problem || uploads.every(({ state }) => state === 'done')) return node;
  const bar = createElement('progress', '');
  bar.ariaLabel = 'Uploading';
  bar.max = uploads.reduce((sum, { bytes }) => sum + bytes, 0) || 1;
  const look = () => { bar.value = uploads.reduce((sum, { sent }) => sum + sent, 0); };
  for (const upload of uploads) upload.addEventListener('progress', look);
  look();
  const state = createElement('div', 'pending-upload');
  state.append(bar, button('Cancel', discard));
  node.append(state);
  return node;
}

// Calls `say` with the text of a notice, as the server renders it. `body` may be the username of whoever caused it.
function notice({ kind, author, body }, say) {
  const isByAnother = (kind === 'joined' || kind === 'left') && body;
  if (kind === 'role') roleNotice(author, body, say);
  else if (isByAnother) named(body, (by) => say(`${by} ${kind === 'joined' ? 'added' : 'removed'} ${shown(author)}`));
  else say(recorded({ kind, author, body }));
}

// `body` is the role, and after a space the username of who gave it.
function roleNotice(author, body, say) {
  const [role, by] = body.split(' ');
  const what = role === 'owner' ? 'an owner' : role === 'moderator' ? 'a moderator' : 'a member';
  if (!by) say(`${shown(author)} is ${what} now, because the last owner left`);
  else if (by === author.username) say(`${shown(author)} took ownership of this room`);
  else named(by, (name) => say(`${name} made ${shown(author)} ${what}`));
}

function recorded({ kind, author, body }) {
  switch (kind) {
    case 'joined': return `${shown(author)} joined`;
    case 'left': return `${shown(author)} left`;
    case 'topic': return body ? `${shown(author)} changed the topic to “${body}”` : `${shown(author)} removed the topic`;
    case 'renamed': return `${shown(author)} renamed the room to “${body}”`;
    case 'archived': return `${shown(author)} ${body} this room`;
    case 'visibility': return `${shown(author)} made the room ${body}`;
    default: return '';
  }
}
