// Helpers that create elements. Text stays text.

export function createElement(tag, className, text = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

export function button(text, pressed, className = 'quiet') {
  const node = createElement('button', className, text);
  node.type = 'button';
  node.addEventListener('click', pressed);
  return node;
}

// An icon of the sprite in `templates/shared/_icons.html`.
export function icon(name) {
  const drawing = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  drawing.setAttribute('class', 'icon');
  drawing.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  drawing.append(use);
  return drawing;
}
