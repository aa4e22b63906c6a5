// The lightbox: one picture over the page, with the others of the page before and after it. Loaded on first use.
//
// Arrow keys go to the neighbors, + and - zoom, 0 fits, Escape closes. The wheel and a double click zoom too, and a drag moves what is
// larger than the window.
import { icon, createElement } from '#js/core/dom.js';

// The length of the longer side of the large preview, in pixels, for each density.
const LARGE = [1280, 2560];
const MOST_ZOOM = 8;
const STEP = 1.5;
// How far an arrow key moves a zoomed picture, in pixels.
const PAN = 80;
// How far a finger goes to the next picture, in pixels.
const SWIPE = 60;

let lightbox;

// Opens a picture's link among the others around it.
export function open(picture) {
  lightbox ??= new Lightbox();
  lightbox.open(picture);
}

class Lightbox {
  #dialog = createElement('dialog', 'lightbox');
  #stage = createElement('div', 'lightbox-stage');
  #image = createElement('img', '');
  #words = createElement('p', 'lightbox-words');
  #place = createElement('span', 'lightbox-place');
  #download = createElement('a', 'lightbox-tool');
  #buttons = {};
  #pictures = []; #at = 0;
  #zoom = 1; #x = 0; #y = 0; #pointers = new Map(); #pinch = 0; #from = null;

  constructor() {
    this.#dialog.ariaLabel = 'Picture';
    this.#words.role = 'status';
    this.#download.ariaLabel = this.#download.title = 'Download';
    this.#download.append(icon('download'));
    const tool = (name, label, act) => {
      const press = createElement('button', `lightbox-tool lightbox-${name}`);
      Object.assign(press, { type: 'button', ariaLabel: label, title: label });
      press.append(icon(name));
      press.addEventListener('click', act);
      this.#buttons[name] = press;
      return press;
    };
    const tools = createElement('div', 'lightbox-tools');
    tools.append(
      tool('zoom-out', 'Zoom out (-)', () => this.#zoomTo(this.#zoom / STEP)), tool('zoom-in', 'Zoom in (+)', () => this.#zoomTo(this.#zoom * STEP)),
      this.#download, tool('close', 'Close (Esc)', () => this.#dialog.close()),
    );
    const head = createElement('div', 'lightbox-head');
    head.append(this.#place, tools);
    this.#stage.append(this.#image);
    this.#dialog.append(head, this.#stage, tool('previous', 'Previous (←)', () => this.#go(-1)), tool('next', 'Next (→)', () => this.#go(1)), this.#words);
    this.#dialog.addEventListener('keydown', (event) => this.#key(event));
    // Beside the picture.
    this.#stage.addEventListener('click', ({ target }) => { if (target === this.#stage && !this.#from) this.#dialog.close(); });
    this.#stage.addEventListener('wheel', (event) => { event.preventDefault(); this.#zoomTo(this.#zoom * (event.deltaY < 0 ? 1.15 : 1 / 1.15), event); }, { passive: false });
    this.#stage.addEventListener('dblclick', (event) => this.#zoomTo(this.#zoom > 1 ? 1 : 3, event));
    for (const name of ['pointerdown', 'pointermove', 'pointerup', 'pointercancel']) this.#stage.addEventListener(name, (event) => this.#drag(event));
    this.#dialog.addEventListener('close', () => this.#closed());
    this.#image.draggable = false;
    addEventListener('resize', () => { if (this.#dialog.open) this.#fit(); });
  }

  open(picture) {
    const around = picture.closest('#messages, .column-body, .gathered, main') ?? picture.parentElement;
    this.#pictures = [...around.querySelectorAll('.message:not([data-nonce]) .picture')];
    this.#at = Math.max(0, this.#pictures.indexOf(picture));
    // Beside <main>, which a visit replaces: then it closes.
    picture.closest('main, .column').append(this.#dialog);
    this.#dialog.showModal();
    this.#show();
  }

  #go(step) {
    const next = this.#at + step;
    if (next < 0 || next >= this.#pictures.length) return;
    this.#at = next;
    this.#show();
  }

  #show() {
    const picture = this.#pictures[this.#at];
    const thumb = picture.querySelector('.thumb');
    const { alt } = thumb;
    this.#reset();
    this.#image.alt = alt;
    // The small preview is there already; it takes the place of the large one, which has the same shape.
    this.#image.src = thumb.currentSrc || thumb.src;
    this.#fit();
    this.#load(picture, thumb);
    const name = picture.title;
    this.#download.href = picture.href;
    this.#download.download = name;
    this.#words.textContent = alt === name ? name : alt;
    const who = picture.closest('.message')?.querySelector('.by')?.textContent ?? '';
    this.#place.textContent = this.#pictures.length > 1 ? `${this.#at + 1} of ${this.#pictures.length} · ${who}` : who;
    this.#dialog.ariaLabel = `Picture: ${this.#words.textContent}`;
    const held = document.activeElement;
    this.#buttons.previous.disabled = this.#at === 0;
    this.#buttons.next.disabled = this.#at === this.#pictures.length - 1;
    this.#buttons.previous.hidden = this.#buttons.next.hidden = this.#pictures.length < 2;
    if (held?.disabled) this.#buttons.close.focus();
  }

  // The size of the picture in this window: never larger than it is.
  #fit() {
    const [width, height] = this.#size;
    const { clientWidth, clientHeight } = this.#stage;
    const scale = Math.min(1, clientWidth / width, clientHeight / height);
    this.#image.width = Math.max(1, Math.round(width * scale));
    this.#image.height = Math.max(1, Math.round(height * scale));
    this.#pan(0, 0);
  }

  get #size() { return this.#pictures[this.#at].dataset.full.split('x').map(Number); }

  #load(picture, thumb) {
    const preview = new URL(thumb.dataset.still ?? thumb.src, location.href).pathname;
    const [width, height] = this.#size;
    const large = new Image();
    this.#dialog.ariaBusy = 'true';
    large.onload = () => this.#take(picture, large.currentSrc);
    large.onerror = () => { if (this.#pictures[this.#at] === picture) this.#words.textContent = 'This picture isn’t there any more.'; };
    if (picture.hasAttribute('data-moving')) { large.src = picture.href; return; }
    large.sizes = `${this.#image.width}px`;
    large.srcset = LARGE.map((most, at) => `${preview}?size=large&density=${at + 1} ${Math.round(width * Math.min(1, most / width, most / height))}w`).join(', ');
  }

  #take(picture, src) {
    if (this.#pictures[this.#at] !== picture || !this.#dialog.open) return;
    this.#dialog.ariaBusy = null;
    this.#image.src = src;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 0, ArrowDown: 0 }[event.key];
    if (step !== undefined && this.#zoom > 1) this.#pan({ ArrowLeft: PAN, ArrowRight: -PAN }[event.key] ?? 0, { ArrowUp: PAN, ArrowDown: -PAN }[event.key] ?? 0);
    else if (step) this.#go(step);
    else if (event.key === 'Home') this.#go(-this.#at);
    else if (event.key === 'End') this.#go(this.#pictures.length - 1 - this.#at);
    else if (event.key === '+' || event.key === '=') this.#zoomTo(this.#zoom * STEP);
    else if (event.key === '-') this.#zoomTo(this.#zoom / STEP);
    else if (event.key === '0') this.#reset();
    else {
      // Shortcuts of the page do not reach through.
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // Zooms around a place of the window, or around the middle.
  #zoomTo(wanted, at) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, wanted));
    const box = this.#stage.getBoundingClientRect();
    const [x, y] = at ? [at.clientX - box.left - box.width / 2, at.clientY - box.top - box.height / 2] : [0, 0];
    this.#x = x - ((x - this.#x) * zoom) / this.#zoom;
    this.#y = y - ((y - this.#y) * zoom) / this.#zoom;
    this.#zoom = zoom;
    // The preview has too few pixels for it.
    const picture = this.#pictures[this.#at];
    if (zoom > 1 && this.#image.src !== picture.href) {
      const whole = new Image();
      whole.onload = () => this.#take(picture, picture.href);
      whole.src = picture.href;
    }
    this.#pan(0, 0);
  }

  #reset() {
    this.#zoom = 1;
    this.#pan(0, 0);
  }

  // Moves the picture, whose edges stay outside of the window.
  #pan(x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.#image;
    const { clientWidth, clientHeight } = this.#stage;
    const bound = (value, size, room) => { const most = Math.max(0, (size * this.#zoom - room) / 2); return Math.min(most, Math.max(-most, value)); };
    this.#x = bound(this.#x + x, width, clientWidth);
    this.#y = bound(this.#y + y, height, clientHeight);
    this.#image.style.transform = this.#zoom === 1 ? '' : `translate(${this.#x}px, ${this.#y}px) scale(${this.#zoom})`;
    this.#dialog.classList.toggle('is-zoomed', this.#zoom > 1);
    this.#buttons['zoom-out'].disabled = this.#zoom === 1;
    this.#buttons['zoom-in'].disabled = this.#zoom === MOST_ZOOM;
  }

  #drag(event) {
    const { type, pointerId: id, clientX: x, clientY: y } = event;
    if (type === 'pointerdown') {
      if (event.button) return;
      this.#pointers.set(id, { x, y });
      if (event.target === this.#image) this.#stage.setPointerCapture(id);
      this.#from = null;
      this.#pinch = this.#apart();
      return;
    }
    const last = this.#pointers.get(id);
    if (!last) return;
    if (type === 'pointermove') {
      this.#pointers.set(id, { x, y });
      if (this.#pointers.size > 1) {
        const now = this.#apart();
        const [one, other] = [...this.#pointers.values()];
        if (this.#pinch) this.#zoomTo((this.#zoom * now) / this.#pinch, { clientX: (one.x + other.x) / 2, clientY: (one.y + other.y) / 2 });
        this.#pinch = now;
      } else if (this.#zoom > 1) this.#pan(x - last.x, y - last.y);
      this.#from ??= last;
      return;
    }
    this.#pointers.delete(id);
    const moved = this.#from && type === 'pointerup' && event.pointerType === 'touch' && this.#zoom === 1 && !this.#pointers.size ? x - this.#from.x : 0;
    if (Math.abs(moved) > SWIPE) this.#go(moved < 0 ? 1 : -1);
    // The click that follows a drag closes nothing.
    if (this.#from && Math.hypot(x - this.#from.x, y - this.#from.y) < 5) this.#from = null;
    setTimeout(() => { this.#from = null; });
  }

  // How far two fingers are apart.
  #apart() {
    const [one, other] = [...this.#pointers.values()];
    return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  }

  #closed() {
    this.#image.removeAttribute('src');
    this.#pointers.clear();
    const picture = this.#pictures[this.#at];
    this.#dialog.remove();
    if (picture?.isConnected) picture.focus({ preventScroll: true });
    picture?.scrollIntoView({ block: 'nearest' });
  }
}
