// Carried inside an application the page has no cookie: the code on another screen is typed here, once, and becomes this device's own key.
pair=()=>{if($('code'))return;const f=D.createElement('form'),i=D.createElement('input'),b=D.createElement('button'),h=$('hint');h.textContent={{words.code|tojson}};i.id='code';i.maxLength=12;i.setAttribute('aria-label',{{words.code|tojson}});b.textContent={{words.go|tojson}};
f.append(i,b);D.querySelector('main').append(f);f.onsubmit=async e=>{e.preventDefault();const r=await ask('/v1/devices/pair',{method:'POST',headers:{'Content-Type':'application/json'},body:JSON.stringify({code:i.value,profile:{{profile|tojson}}})});
if(r&&r.ok){L.device=(await r.json()).key;f.remove();h.textContent='';open()}else h.textContent={{words.bad|tojson}}}};
