// One message as an element, from the same markup that the server renders.
import { clock } from '#js/time.js';

const HUES = 12;

// A message's element, in its present state.
export function element(message, me) {
  const template = document.querySelector(message.kind === 'text' ? '#message' : '#notice');
  const node = template.content.firstElementChild.cloneNode(true);
  node.id = `m${message.seq}`;
  Object.assign(node.dataset, { seq: message.seq, rev: message.rev, at: message.created_at, author: message.author.username });
  for (const time of node.querySelectorAll('time')) {
    time.dateTime = message.created_at;
    (time.querySelector('a') ?? time).textContent = clock(message.created_at);
  }
  for (const link of node.querySelectorAll('a.link')) link.href = `/rooms/${message.room}/${message.seq}`;
  if (message.kind === 'text') fill(node, message, me);
  else node.querySelector('.text').textContent = notice(message);
  return node;
}

function fill(node, message, me) {
  const avatar = node.querySelector('.avatar');
  avatar.textContent = initials(message.author.name);
  avatar.className = `avatar hue-${message.author.id % HUES}`;
  node.querySelector('.side').ariaLabel = `Link to this message, ${clock(message.created_at)}`;
  node.querySelector('.by').textContent = message.author.name;
  const body = node.querySelector('.body');
  if (message.deleted_at) body.replaceChildren(make('p', 'gone', 'This message was deleted.'));
  else body.innerHTML = message.html; // Sanitized by the server, and the page's policy runs nothing inline.
  if (message.reply_to) {
    const answers = make('a', 'answers', '');
    answers.href = `/rooms/${message.room}/${message.reply_to}`;
    answers.dataset.to = message.reply_to;
    body.before(answers);
  }
  if (message.edited_at) body.after(make('span', 'edited', 'edited'));
  node.querySelector('.reactions').replaceChildren(...(message.reactions ?? []).map(({ emoji, users }) => {
    const mine = users.includes(me.username) ? ' reaction--mine' : '';
    const reaction = make('span', `reaction${mine}`, `${emoji} ${users.length}`);
    reaction.title = users.join(', ');
    return reaction;
  }));
}

// What a message answers, in one line, as far as the page shows it.
export function quote(answers) {
  const answered = document.getElementById(`m${answers.dataset.to}`);
  const [by, words] = ['.by', '.body'].map((part) => answered?.querySelector(part)?.textContent.trim());
  answers.textContent = words ? `${by}: ${words.slice(0, 120)}` : 'in answer to an earlier message';
}

// A post that is on its way.
export function pendingElement(post, me) {
  const node = element({ seq: '', rev: 0, kind: 'text', room: '', author: me, html: '', created_at: new Date().toISOString() }, me);
  node.removeAttribute('id');
  node.className = `message message--${post.problem ? 'failed' : 'pending'}`;
  node.dataset.nonce = post.nonce;
  node.querySelector('.body').replaceChildren(make('p', '', post.body));
  node.querySelector('.side').remove();
  node.querySelector('.avatar').before(make('span', 'side', ''));
  if (post.problem) {
    const line = make('div', 'failed', post.problem);
    line.role = 'alert';
    line.append(button('Retry', post.retry), button('Discard', post.discard));
    node.querySelector('.body').after(line);
  }
  return node;
}

function button(text, pressed) {
  const node = make('button', 'quiet', text);
  node.type = 'button';
  node.addEventListener('click', pressed);
  return node;
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

function initials(name) {
  return name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
}

// What the room recorded, in words; the server says the same in its views.
function notice({ kind, author, body }) {
  switch (kind) {
    case 'joined': return body ? `${author.name} was brought in by ${body}` : `${author.name} entered the room`;
    case 'left': return body ? `${author.name} was removed by ${body}` : `${author.name} left the room`;
    case 'topic': return body ? `${author.name} set the topic: ${body}` : `${author.name} cleared the topic`;
    case 'renamed': return `${author.name} named the room ${body}`;
    default: return '';
  }
}
