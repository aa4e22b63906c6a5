// Chooses a square of a picture: by dragging it, with the arrow keys, and with a slider for its size. The form's fields `x`, `y` and `size` have
// it in the picture's own pixels, as it is shown.
import { createElement } from '#js/core/dom.js';

// The canvas, in pixels.
const SIDE = 512;
// The smallest square, in the picture's pixels, and the most that the slider enlarges.
const SMALLEST = 96;
const MOST_ZOOM = 8;
// How far an arrow key moves, as a part of the square.
const STEP = 0.05;

export class Cropper {
  #picture; #canvas; #slider; #fields; #place;
  #zoom = 1; #x; #y;

  // Null if the browser cannot read the picture.
  static async of(file) {
    try {
      return new Cropper(await createImageBitmap(file));
    } catch {
      return null;
    }
  }

  constructor(picture) {
    this.#picture = picture;
    // The middle of the square.
    this.#x = picture.width / 2;
    this.#y = picture.height / 2;
    this.#canvas = createElement('canvas', '');
    Object.assign(this.#canvas, { width: SIDE, height: SIDE, tabIndex: 0, role: 'img', ariaLabel: 'The picture as it will be. Drag it, or use the arrow keys to move it and + and - to zoom.' });
    this.#slider = createElement('input', '');
    Object.assign(this.#slider, { type: 'range', min: 1, max: Math.max(1, Math.min(MOST_ZOOM, this.#short / SMALLEST)), step: 'any', value: 1 });
    this.#fields = ['x', 'y', 'size'].map((name) => Object.assign(createElement('input', ''), { type: 'hidden', name }));
    this.#slider.addEventListener('input', () => this.#zoomTo(Number(this.#slider.value)));
    this.#canvas.addEventListener('keydown', (event) => this.#key(event));
    this.#canvas.addEventListener('wheel', (event) => { event.preventDefault(); this.#zoomTo(this.#zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1)); }, { passive: false });
    this.#canvas.addEventListener('pointerdown', (event) => {
      if (event.button) return;
      this.#canvas.setPointerCapture(event.pointerId);
      this.#canvas.classList.add('is-dragged');
    });
    this.#canvas.addEventListener('pointermove', (event) => {
      if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
      const scale = this.#size / this.#canvas.clientWidth;
      this.#move(-event.movementX * scale, -event.movementY * scale);
    });
    for (const name of ['pointerup', 'pointercancel']) this.#canvas.addEventListener(name, () => this.#canvas.classList.remove('is-dragged'));
  }

  // Shows itself there.
  show(place) {
    this.#place = place;
    const label = createElement('label', 'field', 'Zoom');
    label.append(this.#slider);
    label.hidden = Number(this.#slider.max) === 1;
    place.replaceChildren(this.#canvas, label, ...this.#fields);
    place.hidden = false;
    this.#draw();
    this.#canvas.focus({ preventScroll: true });
    place.scrollIntoView({ block: 'nearest' });
  }

  end() {
    this.#place.replaceChildren();
    this.#place.hidden = true;
    this.#picture.close();
  }

  get #short() { return Math.min(this.#picture.width, this.#picture.height); }

  get #size() { return this.#short / this.#zoom; }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = this.#size * STEP;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) this.#move(...moves[event.key]);
    else if (event.key === '+' || event.key === '=') this.#zoomTo(this.#zoom * 1.2);
    else if (event.key === '-') this.#zoomTo(this.#zoom / 1.2);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #zoomTo(zoom) {
    this.#zoom = Math.min(Number(this.#slider.max), Math.max(1, zoom));
    this.#slider.value = this.#zoom;
    this.#move(0, 0);
  }

  // Moves the square, which stays inside of the picture.
  #move(x, y) {
    const half = this.#size / 2;
    this.#x = Math.min(this.#picture.width - half, Math.max(half, this.#x + x));
    this.#y = Math.min(this.#picture.height - half, Math.max(half, this.#y + y));
    this.#draw();
  }

  #draw() {
    const size = Math.floor(this.#size);
    const left = Math.max(0, Math.min(this.#picture.width - size, Math.round(this.#x - this.#size / 2)));
    const top = Math.max(0, Math.min(this.#picture.height - size, Math.round(this.#y - this.#size / 2)));
    for (const [at, value] of [left, top, size].entries()) this.#fields[at].value = value;
    const context = this.#canvas.getContext('2d');
    context.clearRect(0, 0, SIDE, SIDE);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#picture, left, top, size, size, 0, 0, SIDE, SIDE);
  }
}
