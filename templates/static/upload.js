// Uploads files by tus: shows progress, pauses, and continues after the page was left.

const { tus } = window;
const RETRY_AFTER_MS = [0, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000];

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Without the library the plain form uploads without a break. */
if (tus) for (const form of document.querySelectorAll('form[data-upload]')) enliven(form);

function enliven(form) {
  const input = form.querySelector('input[type=file]');
  // Choosing a file starts the upload, so the button of the plain form is hidden.
  form.classList.add('is-live');
  form.querySelector('[data-drop]').hidden = false;
  input.multiple = true;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.files.length > 0) sendAll(form, [...input.files]);
  });
  input.addEventListener('change', () => input.files.length > 0 && form.requestSubmit());
  for (const name of ['dragover', 'dragleave', 'drop']) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle('is-over', name === 'dragover');
      if (name === 'drop' && event.dataTransfer.files.length > 0) {
        input.files = event.dataTransfer.files;
        form.requestSubmit();
      }
    });
  }
  // A browser may not open a file again by itself, so the creator chooses it once more.
  for (const button of document.querySelectorAll('[data-go-on]')) {
    button.hidden = false;
    button.addEventListener('click', () => input.click());
  }
}

/** Sends one file after the other, then opens the composer for them. */
async function sendAll(form, files) {
  const [asking, box, fault] = ['.asking', '.uploading', '.fault'].map((each) =>
    form.querySelector(each),
  );
  const show = (isSending) => {
    box.hidden = !isSending;
    asking.hidden = isSending;
  };
  fault.hidden = true;
  show(true);
  const stored = [];
  try {
    for (const [index, file] of files.entries()) {
      const place = files.length > 1 ? `${index + 1} of ${files.length}, ` : '';
      stored.push(await send(box, file, place));
    }
    window.location.assign(findComposer(stored));
  } catch (error) {
    const before = stored.length > 0 ? ' What was uploaded before it is in your media.' : '';
    fault.textContent = error.message + before;
    fault.hidden = error.message === '';
    form.reset();
    show(false);
  }
}

function findComposer(stored) {
  if (stored.length === 1) return `/jobs/new?media=${stored[0].key}`;
  if (!stored.every(({ kind }) => kind === 'photo')) return '/jobs/new';
  return `/jobs/new?${new URLSearchParams(stored.map(({ key }) => ['photo', key]))}`;
}

/** Returns the storage key of the file, and whether it is a video or a photo. */
function send(box, file, place) {
  const bar = box.querySelector('progress');
  const text = box.querySelector('[data-upload-text]');
  const pause = box.querySelector('[data-pause]');
  const cancel = box.querySelector('[data-cancel]');
  return new Promise((resolve, reject) => {
    let sent = 0;
    const tell = (doing) => {
      bar.value = file.size > 0 ? sent / file.size : 0;
      text.textContent =
        sent === file.size
          ? `Checking ${place}${file.name}`
          : `${doing} ${place}${file.name}: ${megabytes(sent)} of ${megabytes(file.size)} MB`;
      pause.disabled = sent === file.size;
      cancel.disabled = sent === file.size;
    };
    const upload = new tus.Upload(file, {
      endpoint: '/uploads',
      retryDelays: RETRY_AFTER_MS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, filetype: file.type },
      onProgress(bytes) {
        sent = bytes;
        tell('Uploading');
      },
      onSuccess({ lastResponse }) {
        const key = lastResponse.getHeader('PM3K-Storage-Key');
        end();
        resolve({ key, kind: lastResponse.getHeader('PM3K-Media-Kind') });
      },
      onError(error) {
        end();
        const { detail, rule } = parse(error.originalResponse?.getBody());
        // The rule's name is for programs.
        const said =
          detail?.replace(` (rule: ${rule})`, '') ??
          'The connection broke. Choose the file again to continue.';
        reject(new Error(place ? `${file.name}: ${said}` : said));
      },
    });
    const end = () => {
      pause.onclick = null;
      cancel.onclick = null;
    };
    let isPaused = false;
    pause.textContent = 'Pause';
    pause.onclick = () => {
      isPaused = !isPaused;
      pause.textContent = isPaused ? 'Continue' : 'Pause';
      if (isPaused) upload.abort();
      else upload.start();
      tell(isPaused ? 'Paused:' : 'Uploading');
    };
    cancel.onclick = async () => {
      end();
      // Removes what has arrived. If this request fails, the server removes it after a day.
      await upload.abort(true).catch(() => {});
      reject(new Error(''));
    };
    tell('Uploading');
    upload.findPreviousUploads().then((previous) => {
      if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
