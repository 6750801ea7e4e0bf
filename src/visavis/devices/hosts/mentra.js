// A Mentra miniapp: requests with an id to the host, its events back. What is asked before the host has answered the first call waits.
const open_requests={},waiting=[];let acked=0,number=0;
const tell=(payload,requestId)=>{try{window.ReactNativeWebView.postMessage(JSON.stringify({payload,requestId}))}catch{off(1)}};
const request=(type,more)=>new Promise((done,fail)=>{const id='v'+ ++number,go=()=>tell({type,...more},id);open_requests[id]=done;
setTimeout(()=>{delete open_requests[id];fail()},6e4);acked?go():waiting.push(go)});
const drawn=layout=>request('miniapp_display',{view:'main',layout,...(card&&{durationMs:Math.round(card.lasts_s*1e3)})}).then(r=>r.ok===true);
host={show:c=>c.lines?drawn({layoutType:'text_wall',text:c.lines.join('\n')}):request('miniapp_speak',{text:c.speech}).then(r=>r.ok===true),
clear(){drawn({layoutType:'clear_view'}).catch(()=>0)},off(){}};
const EVENTS={__proto__:null,button_press:d=>answer(d.pressType==='long'?'no':'yes'),touch_event:d=>d.kind==='click'?answer('yes'):d.kind==='scroll_bottom'&&answer('no'),transcription:d=>d.isFinal&&hear(d.text||'')};
function heard(text){let m;try{m=JSON.parse(text)}catch{return}const p=(m||{}).payload;if(!p||typeof p!=='object'||Array.isArray(p)||'requestId'in m&&typeof m.requestId!=='string')return;
if(p.type==='miniapp_connect_ack'){acked=1;off(0);tell({type:'miniapp_subscribe',subscriptions:['button_press','touch_event',{% if voice %}'transcription:auto'{% endif %}]});waiting.splice(0).forEach(go=>go())}
else if(p.type==='miniapp_ping')tell({type:'miniapp_pong'},m.requestId);
else if(p.type==='miniapp_request_result'){const done=open_requests[m.requestId];delete open_requests[m.requestId];done&&done(p)}
else if(p.type==='miniapp_event'){const act=EVENTS[String(p.streamType).split(':')[0]];act&&act(p.data||{})}}
addEventListener('message',e=>typeof e.data==='string'&&(!e.source||e.source===window)&&heard(e.data));
(async()=>{while(!acked){tell({type:'miniapp_connect',packageName:{{package|tojson}}},'v0');await pause(1e4);acked||off(1)}})();
