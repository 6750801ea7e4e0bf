// The person's own page: every button is one request, and the page is then what the server says it is.
import { post } from './page.js';

const me = document.getElementById('me'), said = document.getElementById('said');
let quiet = 0;

function tell(text) {
  clearTimeout(quiet);
  said.textContent = text;
  quiet = setTimeout(() => { said.textContent = ''; }, 4000);
}

function ask(open) {
  const sure = document.getElementById('sure');
  sure.hidden = !open;
  document.getElementById('erase').setAttribute('aria-expanded', String(open));
  document.getElementById(open ? 'keep' : 'erase').focus();
}

document.addEventListener('click', async event => {
  const button = event.target.closest('button');
  if (button?.id === 'erase') return ask(document.getElementById('sure').hidden);
  if (button?.id === 'keep') return ask(false);
  if (!button?.dataset.to || me.getAttribute('aria-busy') === 'true') return;
  me.setAttribute('aria-busy', 'true');
  const reply = await post(button.dataset.to + location.search, JSON.parse(button.dataset.body)).catch(() => null);
  me.removeAttribute('aria-busy');
  if (!reply?.ok) return tell(said.dataset.failed);
  me.innerHTML = await reply.text();                              // rendered and escaped by the server
  (document.getElementById(button.id) ?? document.getElementById('erased'))?.focus();
  if (!document.getElementById('erased')) tell(said.dataset.done);
});
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && document.getElementById('sure')?.hidden === false) ask(false);
});
