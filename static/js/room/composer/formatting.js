// Formats the selection in a field as Markdown, with the browser's undo. Loaded on first use.
import { fenced, replace } from '#js/room/composer/text.js';

const MARKS = { bold: '**', strike: '~~', code: '`' };
const PREFIXES = { quote: /^> ?/, bullets: /^[-*+] /, numbers: /^\d{1,9}[.)] / };

export function format(field, name) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  if (PREFIXES[name]) lines(field, name);
  else if (name === 'block' || (name === 'code' && value.slice(from, to).includes('\n'))) block(field);
  else if (name === 'link') link(field);
  else wrap(field, name);
}

// Puts marks around the selection, or removes them; without a selection, the caret goes between them.
function wrap(field, name) {
  const { value } = field;
  let { selectionStart: from, selectionEnd: to } = field;
  // Marks must not touch spaces.
  while (from < to && /\s/.test(value[from])) from += 1;
  while (to > from && /\s/.test(value[to - 1])) to -= 1;
  const mark = MARKS[name] ?? italic(value, from, to);
  const size = mark.length;
  const text = value.slice(from, to);
  if (text.startsWith(mark) && text.endsWith(mark) && text.length > 2 * size) return put(field, from, to, text.slice(size, -size));
  if (value.slice(from - size, from) === mark && value.slice(to, to + size) === mark) return put(field, from - size, to + size, text, 0, text.length);
  if (name === 'code' && text.includes('`')) return put(field, from, to, `\`\` ${text} \`\``, 3, 3 + text.length);
  // Marks do not span paragraphs.
  if (text.includes('\n')) return put(field, from, to, text.split('\n').map((line) => (line.trim() ? line.replace(/^(\s*)(.*?)(\s*)$/, `$1${mark}$2${mark}$3`) : line)).join('\n'));
  put(field, from, to, mark + text + mark, size, size + text.length);
}

// Inside a word, underscores mean nothing.
function italic(value, from, to) {
  const isWord = (letter = '') => /[\p{L}\p{N}]/u.test(letter);
  return isWord(value[from - 1]) || isWord(value[to]) ? '*' : '_';
}

function block(field) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const text = value.slice(from, to);
  const put = fenced(value, from, to);
  replace(field, from, to, put);
  const at = from + put.indexOf(text || '\n\n') + (text ? 0 : 1);
  field.setSelectionRange(at, at + text.length);
}

function link(field) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const text = value.slice(from, to);
  if (/^https?:\/\/\S+$/i.test(text)) return put(field, from, to, `[](${text})`, 1, 1);
  put(field, from, to, `[${text}](https://)`, text ? text.length + 3 : 1, text ? text.length + 11 : 1);
}

// Prefixes each selected line, or removes the prefix if all lines have it.
function lines(field, name) {
  const { value, selectionStart, selectionEnd } = field;
  const from = value.lastIndexOf('\n', selectionStart - 1) + 1;
  const end = value.indexOf('\n', Math.max(selectionStart, selectionEnd - 1));
  const to = end < 0 ? value.length : end;
  const all = value.slice(from, to).split('\n');
  const has = all.every((line) => PREFIXES[name].test(line));
  const sign = (at) => ({ quote: '> ', bullets: '- ', numbers: `${at + 1}. ` })[name];
  const bare = (line) => (name === 'quote' ? line : line.replace(PREFIXES.bullets, '').replace(PREFIXES.numbers, ''));
  const text = all.map((line, at) => (has ? line.replace(PREFIXES[name], '') : sign(at) + bare(line))).join('\n');
  const isOne = all.length === 1 && selectionStart === selectionEnd;
  put(field, from, to, text, isOne ? text.length : 0, text.length);
}

// Puts a text there, and keeps the same part of it selected.
function put(field, from, to, text, start = 0, end = text.length) {
  replace(field, from, to, text);
  field.setSelectionRange(from + start, from + end);
}
