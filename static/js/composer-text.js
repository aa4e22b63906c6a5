// Changes of a field's text that the browser's own undo takes back.

// Puts `text` in the place of what stands from `from` to `to`.
export function replace(field, from, to, text) {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, and the only way that keeps the undo history; a browser that lacks it gets the other one.
  if (text ? document.execCommand?.('insertText', false, text) : document.execCommand?.('delete')) return;
  field.setRangeText(text, from, to, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

// Whether the place at `at` is within code: between fences, or between backticks of its line.
export function isCode(text, at) {
  const before = text.slice(0, at);
  const fences = before.match(/^ {0,3}(```|~~~)/gm)?.length ?? 0;
  if (fences % 2) return true;
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/`/g)?.length ?? 0) % 2 === 1;
}

// How long a text is, as the server counts: by characters, not by the halves in which a script keeps some of them.
export function count(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
