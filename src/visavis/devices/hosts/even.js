// Even Hub: one container of text on the glasses, drawn through the bridge of the Even app, one call at a time.
const TEXT={containerID:1,containerName:'card'};let line=(async()=>{while(!(window.flutter_inappwebview||{}).callHandler)await pause(50)})(),made=0,was=0;
const call=(method,data)=>line=line.then(()=>Promise.race([flutter_inappwebview.callHandler('evenAppMessage',JSON.stringify({type:'call_even_app_method',method,data})),pause(4e3)])).catch(()=>0);
async function draw(text){const content=text||' ';
if(!made){made=1;if(await call('createStartUpPageContainer',{containerTotalNum:1,textObject:[{...TEXT,xPosition:0,yPosition:0,width:576,height:288,isEventCapture:1,content}]})===0)return true}
return await call('textContainerUpgrade',{...TEXT,contentOffset:0,contentLength:0,content})===true}
const wall=c=>(c.lines||[c.title]).join('\n');host={show:c=>draw(wall(c)),clear:()=>draw(''),off(on){if(on!==was){was=on;card||draw(on?$('off').textContent:'')}}};
window._listenEvenAppMessage=m=>{m=typeof m==='string'?JSON.parse(m):m;if(!m||m.method!=='evenHubEvent'||!m.data)return;
const[kind,e]=Array.isArray(m.data)?m.data:[m.data.type,m.data.jsonData||m.data.data],t=(e||{}).eventType||0; // what is zero is not sent
if(kind==='sysEvent'&&t===3)call('shutDownPageContainer',{exitMode:1});else if(kind==='sysEvent'&&t===4)draw(card?wall(card):'');
else if((kind==='sysEvent'||kind==='textEvent')&&t===0)answer('yes');else if(kind==='textEvent'&&t===2)answer('no')};
