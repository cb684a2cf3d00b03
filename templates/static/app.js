// Makes the pages interactive: the composer's fields, copying, and local times.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The zone chosen in the settings, else the browser's. */
const ZONE = document.body.dataset.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Times are rendered in UTC by the server and put into the viewer's zone here. */
function localTimes(root = document) {
  for (const time of all('time[datetime]', root)) {
    const at = new Date(time.dateTime);
    const clock = { hour: '2-digit', minute: '2-digit' };
    const text = (options) =>
      new Intl.DateTimeFormat(undefined, { timeZone: ZONE, ...options }).format(at);
    const near = nearDay(at);
    if (time.hasAttribute('data-short')) time.textContent = text(clock);
    else if (time.hasAttribute('data-exact')) {
      const day = { day: 'numeric', month: 'long', year: 'numeric' };
      time.textContent = text({ ...day, ...clock, timeZoneName: 'short' });
    } else if (near) time.textContent = `${near}, ${text(clock)}`;
    else {
      const year = Math.abs(at - Date.now()) > 300 * 86_400_000 ? { year: 'numeric' } : {};
      const day = { weekday: 'short', day: 'numeric', month: 'short' };
      time.textContent = text({ ...day, ...year, ...clock });
    }
    time.title = text({ dateStyle: 'full', timeStyle: 'long' });
  }
  for (const name of all('[data-zone-name]', root)) name.textContent = ZONE;
}

/** Yesterday, today, tomorrow; undefined for other days. */
function nearDay(at) {
  // Calendar days of the zone, compared as if they were days of UTC.
  const day = (date) =>
    Date.parse(new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE }).format(date));
  const days = (day(at) - day(Date.now())) / 86_400_000;
  return { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[days];
}

function copyButtons() {
  for (const button of all('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
      button.textContent = 'Copied';
    });
  }
}

/** A second click would find the session gone, and lead away from the answer to the first. */
function onceOnly() {
  for (const form of all('form[data-once]')) {
    form.addEventListener('submit', () => {
      form.querySelector('button:not([type=button])').disabled = true;
    });
  }
}

/** TikTok's rules between privacy and commercial content, live; the server checks them again. */
function composer() {
  const form = document.querySelector('form[data-composer]');
  if (!form) return;
  const { privacy_level, disclosure, brand_organic, brand_content } = form.elements;
  const onlyMe = privacy_level.querySelector('option[value=SELF_ONLY]');
  form.querySelector('[data-time-zone]').value = ZONE;

  const update = () => {
    const isDirect = form.elements.destination.value === 'direct';
    const isBranded = disclosure.checked && brand_content.checked;
    const isPrivate = privacy_level.value === 'SELF_ONLY';
    if (onlyMe) {
      onlyMe.disabled = isBranded;
      onlyMe.title = isBranded ? 'Branded content visibility cannot be set to private.' : '';
    }
    brand_content.disabled = isPrivate;
    privacy_level.required = isDirect;
    const isUndecided =
      isDirect && disclosure.checked && !brand_organic.checked && !brand_content.checked;
    for (const button of all('[data-publish]', form)) {
      button.disabled = isUndecided;
      button.title = isUndecided
        ? 'You need to indicate if your content promotes yourself, a third party, or both.'
        : '';
    }
    for (const field of all('[data-count]', form)) {
      form.querySelector(field.dataset.count).textContent =
        `${field.value.length} / ${field.maxLength}`;
    }
  };
  form.addEventListener('input', update);
  form.addEventListener('change', update);
  update();
  form.querySelector('#schedule_at').addEventListener('keydown', (event) => {
    // Enter in the time field means "schedule", never "post now".
    if (event.key === 'Enter') {
      event.preventDefault();
      form.requestSubmit(form.querySelector('button[value=schedule]'));
    }
  });
  videoCover(form);
  photoOrder(form);
}

function videoCover(form) {
  const player = form.querySelector('[data-player]');
  const here = form.querySelector('[data-cover-here]');
  if (!player) return;
  // A file this browser has no decoder for: then there is no frame to choose either.
  const unplayable = () => {
    player.hidden = true;
    here.hidden = true;
    form.querySelector('[data-unplayable]').hidden = false;
  };
  here.hidden = false;
  if (player.error) unplayable();
  player.addEventListener('error', unplayable);
  const cover = form.querySelector('[data-cover]');
  const chosen = form.elements.cover_timestamp_ms;
  const take = (seconds) => {
    chosen.value = String(Math.round(seconds * 1000));
  };
  cover.addEventListener('input', () => {
    take(Number(cover.value));
    player.currentTime = Number(cover.value);
  });
  here.addEventListener('click', () => {
    cover.value = player.currentTime.toFixed(1);
    take(player.currentTime);
  });
}

/** Moves photos at once; without scripts the same buttons ask the server. */
function photoOrder(form) {
  const list = form.querySelector('[data-photos]');
  if (!list) return;
  const items = () => all('li[data-key]', list);
  const update = () => {
    const keys = items().map(({ dataset }) => dataset.key);
    form.elements.photos.value = keys.join(',');
    form.querySelector('[data-photo-count]').textContent =
      keys.length === 1 ? '1 photo' : `${keys.length} photos, in this order`;
    for (const button of all('button[value^="remove:"]', list)) button.disabled = keys.length === 1;
    if (!form.querySelector('[name=cover]:checked'))
      form.querySelector('[name=cover]').checked = true;
  };
  const acts = {
    earlier: (item) => item.previousElementSibling?.before(item),
    later: (item) => item.nextElementSibling?.after(item),
    remove: (item) => item.remove(),
  };
  list.addEventListener('click', (event) => {
    const button = event.target.closest('button[name=arrange]');
    if (!button) return;
    event.preventDefault();
    acts[button.value.split(':')[0]](button.closest('li'));
    button.focus();
    update();
  });
  update();
}

/** How many photos are chosen, and no more than TikTok takes. */
function photoChoice() {
  const form = document.querySelector('form[data-choose]');
  if (!form) return;
  const most = Number(form.dataset.choose);
  const boxes = all('input[type=checkbox]', form);
  const update = () => {
    const chosen = boxes.filter(({ checked }) => checked).length;
    form.querySelector('[data-chosen]').textContent = `${chosen} of at most ${most} chosen`;
    form.querySelector('button').disabled = chosen === 0;
    for (const box of boxes) box.disabled = !box.checked && chosen >= most;
  };
  form.addEventListener('change', update);
  update();
}

// On a phone the filters are wider than the screen.
document
  .querySelector('.filter [aria-current]')
  ?.scrollIntoView({ inline: 'center', block: 'nearest' });
localTimes();
copyButtons();
onceOnly();
composer();
photoChoice();
document.addEventListener('htmx:afterSwap', () => localTimes());
// An open question closes when one clicks elsewhere or presses Escape.
for (const name of ['click', 'keydown']) {
  document.addEventListener(name, (event) => {
    if (name === 'keydown' && event.key !== 'Escape') return;
    for (const open of all('details.confirm[open]'))
      if (name === 'keydown' || !open.contains(event.target)) open.open = false;
  });
}
