/** The pages' only style sheet; it stands in each page, and its digest in the policy that allows it. */
export const STYLE = `
:root{color-scheme:light dark;--ground:#faf8f4;--card:#fff;--ink:#1f2328;--soft:#6a6f76;--line:#e6e1d8;--accent:#b4570a;--on-accent:#fff;--good:#1a7f4b}
@media (prefers-color-scheme:dark){:root{--ground:#16181b;--card:#1f2226;--ink:#eceae6;--soft:#9aa0a7;--line:#33373d;--accent:#f0a04b;--on-accent:#1b1206;--good:#58c48d}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:40rem;margin:0 auto;padding:1.5rem 1rem 3rem}
header{max-width:40rem;margin:0 auto;padding:1.25rem 1rem 0;font-weight:600}
header a{color:inherit;text-decoration:none}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
p{margin:.5rem 0}
.soft{color:var(--soft);font-size:.925rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.5rem;text-align:center}
.price{font-size:1.25rem;font-weight:600}
.qr{display:block;width:min(100%,22rem);margin:1.25rem auto;background:#fff;border-radius:10px;padding:.75rem;text-decoration:none}
.qr svg{display:block;width:100%;height:auto}
.button{display:inline-block;border:0;border-radius:10px;padding:.75rem 1.5rem;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
.button:hover{filter:brightness(1.08)}
.plain{background:none;color:var(--accent);border:1px solid var(--line)}
.buttons{display:flex;flex-wrap:wrap;gap:.75rem;justify-content:center;margin:1.25rem 0 .5rem}
.invoice{margin:1rem 0 0;text-align:left}
.invoice summary{cursor:pointer;color:var(--soft);font-size:.925rem;text-align:center}
.invoice code{display:block;margin-top:.5rem;padding:.75rem;border:1px solid var(--line);border-radius:10px;font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere;-webkit-user-select:all;user-select:all}
.waiting{display:inline-flex;align-items:center;gap:.5rem;color:var(--soft)}
.waiting::before{content:"";width:.6rem;height:.6rem;border-radius:50%;background:var(--accent);animation:pulse 1.6s ease-in-out infinite}
@keyframes pulse{50%{opacity:.25}}
@media (prefers-reduced-motion:reduce){.waiting::before{animation:none}}
.mark{font-size:2.5rem;line-height:1;color:var(--good);margin:0 0 .5rem}
ul.shelf{list-style:none;margin:1.25rem 0 0;padding:0;background:var(--card);border:1px solid var(--line);border-radius:14px}
.shelf li{display:flex;align-items:center;gap:1rem;padding:.875rem 1.25rem}
.shelf li+li{border-top:1px solid var(--line)}
.shelf .what{flex:1;min-width:0}
.shelf a{color:inherit;font-weight:600;text-decoration:none;overflow-wrap:anywhere}
.shelf a:hover{text-decoration:underline}
.shelf form{margin:0}
.shelf .button{padding:.5rem 1rem;white-space:nowrap}
[hidden]{display:none}
`;

/** Reloads the page when the purchase is no longer open, and copies the invoice. Without it the page reloads by itself. */
export const SCRIPT = `
const page=document.querySelector('main');
const copy=document.querySelector('#copy');
if(copy&&navigator.clipboard){copy.hidden=false;copy.addEventListener('click',async()=>{await navigator.clipboard.writeText(copy.dataset.invoice);copy.textContent='Copied';setTimeout(()=>{copy.textContent='Copy invoice'},2000)})}
const wait=async()=>{for(;;){try{const answer=await fetch(page.dataset.status+'?wait=25',{cache:'no-store'});if(answer.ok){const{state}=await answer.json();if(state!=='open'){location.reload();return}}else await new Promise(done=>setTimeout(done,5000))}catch{await new Promise(done=>setTimeout(done,3000))}}};
if(page.dataset.status)wait();
`;
