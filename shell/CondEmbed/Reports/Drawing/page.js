for (const plot of document.querySelectorAll('svg.plot')) {
  const [from, to, left, right] = plot.dataset.x.split(' ').map(Number);
  const lines = [...plot.querySelectorAll('.line')].map(path => ({ name: path.dataset.name,
    points: path.dataset.values.split(' ').map(pair => pair.split(':')) }));
  const cursor = plot.querySelector('.cursor'), readout = plot.parentElement.querySelector('.readout');
  const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
  plot.addEventListener('pointermove', event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse()).x;
    const hit = nearest(lines[0].points, from + (at - left) / (right - left) * (to - from))[0];
    const x = left + (hit - from) / (to - from) * (right - left);
    cursor.setAttribute('x1', x); cursor.setAttribute('x2', x); cursor.classList.add('on');
    readout.textContent = [plot.dataset.name + ' ' + hit, ...lines.map(l => l.name + ' ' + nearest(l.points, hit)[1])].join('  ·  ');
  });
  plot.addEventListener('pointerleave', () => {
    cursor.classList.remove('on'); readout.textContent = '\u00a0';
  });
}
for (const map of document.querySelectorAll('.map')) {
  const svg = map.querySelector('.dots'), dots = [...svg.querySelectorAll('circle')], groups = [...svg.querySelectorAll('g')];
  const peek = map.querySelector('.peek'), sheet = map.querySelector('.sheet'), strip = map.querySelector('.strip'), choice = map.querySelector('select');
  const columns = +map.dataset.columns, rows = +map.dataset.rows, ways = dots.map(dot => dot.dataset.at.split(' ').map(Number));
  let way = 0, at = null;
  const tile = (img, dot) => {
    const i = +dot.dataset.i;
    img.style.cssText = `width:${100 * columns}%;height:${100 * rows}%;left:${-100 * (i % columns)}%;top:${-100 * Math.floor(i / columns)}%`;
    return img;
  };
  const light = group => { groups.forEach(g => g.classList.toggle('on', g === group)); svg.classList.toggle('one', !!group); };
  const show = dot => {
    at?.classList.remove('at');
    at = dot; light(dot?.parentNode ?? groups[choice.selectedIndex - 1]);
    if (!dot) return;
    dot.classList.add('at'); dot.parentNode.append(dot);
    const others = [...dot.parentNode.children].filter(other => other !== dot);
    tile(sheet, dot);
    peek.querySelector('b').textContent = dot.parentNode.dataset.name;
    peek.querySelector('span').textContent = dot.dataset.path + ', ' + (others.length + 1) + ' of this class here';
    strip.replaceChildren(...others.slice(0, 15).map(other => {
      const box = document.createElement('div'); box.className = 'tile-of';
      box.append(tile(sheet.cloneNode(), other)); return box;
    }));
  };
  const { width, height } = svg.viewBox.baseVal;
  let seen = { x: 0, y: 0, zoom: 1 };
  const placeOf = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const look = (x, y, zoom) => {
    const inside = (left, length) => Math.min(Math.max(left, 0), length - length / zoom);
    seen = { x: inside(x, width), y: inside(y, height), zoom };
    svg.setAttribute('viewBox', [seen.x, seen.y, width / zoom, height / zoom].join(' '));
    svg.style.setProperty('--zoom', zoom);
    svg.classList.toggle('closer', zoom > 1);
  };
  const zoomBy = (factor, about) => {
    const zoom = Math.min(Math.max(seen.zoom * factor, 1), 16), share = seen.zoom / zoom;
    look(about.x - (about.x - seen.x) * share, about.y - (about.y - seen.y) * share, zoom);
  };
  const middle = () => at ? { x: +at.getAttribute('cx'), y: +at.getAttribute('cy') } : { x: seen.x + width / seen.zoom / 2, y: seen.y + height / seen.zoom / 2 };
  const zooms = { '+': () => zoomBy(2, middle()), '-': () => zoomBy(1 / 2, middle()), '0': () => look(0, 0, 1) };
  for (const button of map.querySelectorAll('[data-zoom]')) button.addEventListener('click', zooms[button.dataset.zoom]);
  svg.addEventListener('dblclick', event => zoomBy(2, placeOf(event)));
  svg.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault(); zoomBy(event.deltaY < 0 ? 1.25 : 0.8, placeOf(event));
  }, { passive: false });
  svg.addEventListener('pointermove', event => {
    if (!event.buttons || seen.zoom === 1) return;
    const scale = svg.getScreenCTM().a;
    look(seen.x - event.movementX / scale, seen.y - event.movementY / scale, seen.zoom);
  });
  const near = event => {
    if (event.buttons && event.type === 'pointermove' && seen.zoom > 1) return;
    const p = placeOf(event);
    let best = null, least = (24 / seen.zoom) ** 2;
    dots.forEach((dot, i) => {
      const d = (ways[i][2 * way] - p.x) ** 2 + (ways[i][2 * way + 1] - p.y) ** 2;
      if (d < least) { least = d; best = dot; }
    });
    if (best && best !== at) show(best);
  };
  svg.addEventListener('pointermove', near); svg.addEventListener('pointerdown', near);
  svg.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') show(null);
    zooms[event.key]?.();
    if (!step) return;
    event.preventDefault();
    show(dots[(dots.indexOf(at) + step + dots.length) % dots.length]);
  });
  groups.forEach(group => choice.append(new Option(group.dataset.name)));
  choice.addEventListener('change', () => { choice.selectedIndex ? show(groups[choice.selectedIndex - 1].firstElementChild) : show(null); });
  for (const button of map.querySelectorAll('[name=map-view]')) button.addEventListener('change', () => {
    way = +button.value; look(0, 0, 1);
    dots.forEach((dot, i) => { dot.setAttribute('cx', ways[i][2 * way]); dot.setAttribute('cy', ways[i][2 * way + 1]); });
  });
  map.querySelector('.controls').hidden = false; peek.hidden = false;
  show(dots[0]); show(null);
}
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0], value = (row, i) => row.cells[i].textContent, lines = [...body.rows];
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement('button');
    button.textContent = head.textContent; head.replaceChildren(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down < 0 ? 'descending' : 'ascending');
      lines.sort((a, b) => down * value(a, i).localeCompare(value(b, i), undefined, { numeric: true }));
      body.append(...lines);
    });
  });
  if (lines.length > 15) {
    const field = Object.assign(document.createElement('input'), { type: 'search', placeholder: 'find a class' });
    field.setAttribute('aria-label', 'find a class');
    field.addEventListener('input', () => { for (const row of lines) row.hidden = !row.textContent.toLowerCase().includes(field.value.toLowerCase()); });
    const controls = document.createElement('p'); controls.className = 'controls'; controls.append(field);
    table.parentElement.before(controls);
  }
}
for (const card of document.querySelectorAll('.copied')) {
  const text = card.querySelector('pre'), button = document.createElement('button');
  button.type = 'button'; button.textContent = 'Copy';
  button.addEventListener('click', async event => {
    event.preventDefault();
    try { await navigator.clipboard.writeText(text.textContent); button.textContent = 'Copied'; }
    catch { card.open = true; getSelection().selectAllChildren(text); button.textContent = 'Selected'; }
    setTimeout(() => button.textContent = 'Copy', 2000);
  });
  (card.querySelector('summary') ?? card).append(button);
}
