// One message as an element, from the same markup that the server renders; and that element brought to a newer state.
import { button, icon, make } from '#js/make.js';
import { at, named, shown } from '#js/people-live.js';
import { reactions } from '#js/react-chips.js';
import { addresses } from '#js/sidebar.js';
import { clock, moment } from '#js/time.js';

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
    avatar.textContent = initials(message.author.name);
    avatar.className = `avatar hue-${message.author.id % HUES}`;
    const by = node.querySelector('.by');
    by.textContent = message.author.name;
    by.href = `/people/${message.author.username}`;
    at(by, message.author);
    node.querySelector('.more').href = `${place}/more`;
    if (message.reply_to) node.prepend(answers(message));
  } else {
    notice(message, (words) => { node.querySelector('.text').textContent = words; });
    // What may be told of several people at once (`fold.js`).
    if (!message.body && (message.kind === 'joined' || message.kind === 'left')) Object.assign(node.dataset, { deed: message.kind, who: shown(message.author) });
  }
  update(node, message, me);
  return node;
}

// Its name, for those who listen, is what it says: its author, its time and its words, or a notice's line.
function identify(node, id) {
  node.id = `m${id}`;
  const parts = [['y', node.querySelector('.byline')], ['b', node.querySelector('.body')]].filter(([, part]) => part);
  for (const [letter, part] of parts) part.id = letter + id;
  node.setAttribute('aria-labelledby', parts.map(([, part]) => part.id).join(' ') || node.id);
}

// Brings an element to a message's present state; what did not change keeps its node, and so the focus that is in it.
export function update(node, message, me) {
  node.dataset.rev = message.rev;
  if (message.kind !== 'text') return;
  const isGone = !!message.deleted_at;
  node.toggleAttribute('data-gone', isGone);
  node.toggleAttribute('data-edited', !!message.edited_at && !isGone);
  node.toggleAttribute('data-pinned', !!message.pinned);
  node.classList.toggle('message--me', !isGone && addresses(message, me));
  const body = node.querySelector('.body');
  const hadFocus = node.matches(':focus-within:not(:focus)');
  if (isGone) body.replaceChildren(make('p', 'gone', 'Message deleted'));
  else if (body.dataset.edited !== (message.edited_at ?? '')) {
    body.innerHTML = message.html; // Sanitized by the server, and the page's policy runs nothing inline.
    body.dataset.edited = message.edited_at ?? '';
  }
  edited(node, body, message, me);
  pinned(node, message);
  reactions(node.querySelector('.reactions'), message, me);
  // What had it is gone: nobody is thrown out of the log.
  if (hadFocus && !node.matches(':focus-within')) node.focus({ preventScroll: true });
}

// Says that the words were changed; to whoever may see the edit history, as a link there.
function edited(node, body, message, me) {
  node.querySelector('.edited')?.remove();
  if (!message.edited_at || message.deleted_at) return;
  const maySee = me.isAdmin || message.author.username === me.username;
  const mark = make(maySee ? 'a' : 'span', 'edited', '(edited)');
  if (maySee) mark.href = `/rooms/${message.room}/${message.seq}/history`;
  mark.title = `Edited ${moment(message.edited_at)}`;
  body.after(mark);
}

function pinned(node, message) {
  const old = node.querySelector('.pinned');
  if (old && old.dataset.by === message.pinned?.by) return;
  old?.remove();
  if (!message.pinned) return;
  const mark = make('a', 'pinned');
  mark.href = `/rooms/${message.room}/pins`;
  mark.dataset.by = message.pinned.by;
  named(message.pinned.by, (name) => { mark.replaceChildren(icon('pin'), `Pinned by ${name}`); });
  node.querySelector('.words').prepend(mark);
}

// The line over an answer, until it is known what it says.
function answers(message) {
  const line = make('a', 'answers', 'Original message');
  line.href = `/rooms/${message.room}/${message.reply_to}`;
  line.dataset.to = message.reply_to;
  return line;
}

// A post that is on its way.
export function pendingElement(post, me) {
  const node = element({ seq: '', rev: 0, kind: 'text', room: '', author: me, html: '', created_at: new Date().toISOString(), reply_to: post.reply_to }, me);
  identify(node, post.nonce);
  node.removeAttribute('id');
  node.className = `message message--${post.problem ? 'failed' : 'pending'}`;
  node.dataset.nonce = post.nonce;
  node.querySelector('.body').replaceChildren(make('p', '', post.body));
  node.querySelector('.side').replaceWith(make('span', 'side'));
  node.querySelector('.acting').remove();
  if (post.problem) {
    const line = make('div', 'failed', post.problem);
    line.role = 'alert';
    line.append(button('Retry', post.retry), button('Discard', post.discard));
    node.querySelector('.body').after(line);
  }
  return node;
}

export function initials(name) {
  return name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
}

// Tells `say` what the room recorded, in words; the server says the same in its views. A `body` may be the username of who did it.
function notice({ kind, author, body }, say) {
  const isByAnother = (kind === 'joined' || kind === 'left') && body;
  if (isByAnother) named(body, (by) => say(`${by} ${kind === 'joined' ? 'added' : 'removed'} ${shown(author)}`));
  else say(recorded({ kind, author, body }));
}

function recorded({ kind, author, body }) {
  switch (kind) {
    case 'joined': return `${shown(author)} joined`;
    case 'left': return `${shown(author)} left`;
    case 'topic': return body ? `${shown(author)} changed the topic to “${body}”` : `${shown(author)} removed the topic`;
    case 'renamed': return `${shown(author)} renamed the room to “${body}”`;
    case 'visibility': return `${shown(author)} made the room ${body}`;
    default: return '';
  }
}
