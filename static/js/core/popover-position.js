// The position of menus and pickers.

// Places a floating element beside another one: below it, or above if there is no space. In narrow windows it is at the bottom.
export function positionPopover(floating, at) {
  const near = at.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = floating;
  if (innerWidth < 640) { floating.style.left = floating.style.top = ''; return; }
  const isBelow = near.bottom + 4 + height < innerHeight - 8;
  floating.style.left = `${Math.max(8, Math.min(near.right - width, innerWidth - width - 8))}px`;
  floating.style.top = `${Math.max(8, isBelow ? near.bottom + 4 : Math.min(near.top - height - 4, innerHeight - height - 8))}px`;
}
