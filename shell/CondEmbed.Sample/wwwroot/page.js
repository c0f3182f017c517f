const at = id => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const pathOf = id => id.split('/').map(encodeURIComponent).join('/');
const addressOf = id => `api/images/${pathOf(id)}`;
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));

let state = { isReady: false };
let query = null;   // { file, name, id }: id only of a picture of the gallery
let asked = 0;      // Answers to older questions come too late, and are dropped.
let explained = 0;

async function json(response) {
  if (response.ok) return response.json();
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.error ?? `The program answers ${response.status} ${response.statusText}.`);
}

function complain(problem) {
  at('problem').textContent = problem?.message ?? problem ?? '';
  at('problem').hidden = !problem;
}

async function trying(work) {
  try {
    complain(null);
    await work();
  } catch (problem) {
    complain(problem instanceof TypeError ? 'The program does not answer. Is it still running?' : problem);
  }
}

async function prepare() {
  while (!state.isReady) {
    await trying(async () => {
      state = await json(await fetch('api/state'));
      at('preparing').hidden = state.isReady;
      at('phase').textContent = `${state.text}, ${Math.round(100 * state.share)} %`;
      document.querySelector('progress').value = state.share;
    });
    if (!state.isReady) await wait(500);
  }
  at('status').textContent = state.text;
  at('search').hidden = false;
  await offer();
}

async function offer() {
  await trying(async () => {
    const items = await json(await fetch('api/gallery?count=12'));
    at('samples').replaceChildren(...items.map(item => make('button', {
      type: 'button', title: item.id, onclick: () => ask(() => fromGallery(item)),
    }, make('img', { className: 'picture', src: addressOf(item.id), alt: item.label || item.id }))));
  });
}

async function fromGallery(item) {
  const response = await fetch(addressOf(item.id));
  return { file: await response.blob(), name: item.id, id: item.id };
}

function ofFile(file) {
  if (file.size > state.mostBytes)
    throw new Error(`${file.name}: ${(file.size / 1e6).toFixed(1)} MB are too much. A picture may have up to ${state.mostBytes / 1e6} MB: make it smaller.`);
  return { file, name: file.name, id: null };
}

async function ask(picture) {
  const turn = ++asked;
  await trying(async () => {
    const next = await picture();
    const where = new URLSearchParams({ name: next.name });
    if (next.id) where.set('without', next.id);
    const answer = await json(await fetch(`api/search?${where}`, { method: 'POST', body: next.file }));
    if (turn !== asked) return;
    query = next;
    show(answer);
    // A copy of the picture itself explains nothing.
    const first = answer.hits.find(hit => hit.similarity < 0.9995) ?? answer.hits[0];
    if (first) await explain(first, false);
  });
}

function show(answer) {
  URL.revokeObjectURL(at('query').src);
  at('query').src = URL.createObjectURL(query.file);
  at('query').alt = query.name;
  at('query').hidden = false;
  at('drop').classList.add('filled');
  at('took').textContent = `in ${answer.milliseconds.toFixed(0)} ms`;
  at('hits').replaceChildren(...answer.hits.map(card));
  at('hint').hidden = true;
  at('found').hidden = false;
}

function card(hit) {
  const score = make('i');
  score.style.setProperty('--share', `${Math.max(0, 100 * hit.similarity)}%`);
  const button = make('button', { type: 'button', title: hit.id, onclick: () => explain(hit, true) },
    make('img', { className: 'picture', src: addressOf(hit.id), alt: '' }),
    make('span', { className: 'name' }, hit.label || hit.id),
    make('span', { className: 'score' }, score, hit.similarity.toFixed(3)));
  button.dataset.id = hit.id;
  return button;
}

async function explain(hit, wanted) {
  const [turn, mine] = [asked, ++explained];
  for (const button of at('hits').children) button.setAttribute('aria-pressed', button.dataset.id === hit.id);
  at('reason').textContent = `Why ${hit.label || hit.id}`;
  at('why').hidden = false;
  if (!state.levels) {
    at('numbers').textContent = 'This run was trained without levels, so it has no attention to show. Train with --levels 1 to see where the network looks.';
    at('legend').hidden = true;
    return;
  }
  await trying(async () => {
    const where = new URLSearchParams({ name: query.name });
    const why = await json(await fetch(`api/why/${pathOf(hit.id)}?${where}`, { method: 'POST', body: query.file }));
    if (turn !== asked || mine !== explained) return;
    at('numbers').replaceChildren('Cosine of the embeddings ', make('b', {}, why.similarity.toFixed(3)), ', which the search goes by.');
    at('looks').replaceChildren(
      figure('As the network sees them', null, why.query, why.hit),
      ...why.levels.map((level, number) => figure(`Level ${number + 1}`, level.similarity, level.query, level.hit)));
    if (wanted) at('why').scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  });
}

function figure(title, similarity, first, second) {
  const number = similarity === null ? '' : `, similarity ${similarity.toFixed(3)}`;
  return make('figure', {},
    make('figcaption', {}, make('b', {}, title), number),
    make('div', { className: 'pair' },
      make('img', { src: first, alt: `${title}: your picture` }),
      make('img', { src: second, alt: `${title}: the one found` })));
}

const fileOf = data => [...(data?.files ?? [])][0];
const take = file => ask(async () => ofFile(file));

at('file').addEventListener('change', () => {
  const file = at('file').files[0];
  at('file').value = '';   // so that the same file can be chosen again
  if (file) take(file);
});
at('more').addEventListener('click', offer);
addEventListener('paste', event => {
  const file = fileOf(event.clipboardData);
  if (file) take(file);
});
for (const name of ['dragenter', 'dragover'])
  addEventListener(name, event => {
    event.preventDefault();
    at('drop').classList.add('over');
  });
addEventListener('dragleave', event => { if (!event.relatedTarget) at('drop').classList.remove('over'); });
addEventListener('drop', event => {
  event.preventDefault();
  at('drop').classList.remove('over');
  const file = fileOf(event.dataTransfer);
  if (file) take(file);
  else complain('That is no file. Drop a picture from a folder.');
});

prepare();
