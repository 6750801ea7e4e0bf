// Google's Node client on one timeline: node mirror.js FOLDER_OF_NODE_MODULES ROOT TOKEN. Prints what it saw as one JSON line.
const [, , modules, rootUrl, token] = process.argv;
const { Readable } = require("stream");
const { google } = require(require.resolve("googleapis", { paths: [modules] }));

const auth = new google.auth.OAuth2();
auth.setCredentials({ access_token: token, expiry_date: Date.now() + 3600e3 });
const mirror = google.mirror({ version: "v1", auth });
const at = { rootUrl }; // the client takes the address of another server with each call only
const png = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));

(async () => {
  const saw = {};
  saw.cards = (await mirror.timeline.list({}, at)).data.items;
  const inserted = await mirror.timeline.insert(
    { requestBody: { text: "Photo", menuItems: [{ action: "DELETE" }] }, media: { mimeType: "image/png", body: Readable.from([png.slice(0, 100), png.slice(100)]) } }, at);
  saw.status = inserted.status;
  saw.item = inserted.data;
  const id = saw.item.id;
  const media = await mirror.timeline.attachments.get({ itemId: id, attachmentId: saw.item.attachments[0].id, alt: "media" }, { ...at, responseType: "arraybuffer" });
  saw.same = Buffer.compare(Buffer.from(media.data), png) === 0;
  saw.attached = (await mirror.timeline.attachments.insert({ itemId: id, media: { mimeType: "audio/ogg", body: Readable.from(["sound"]) } }, at)).data;
  saw.patched = (await mirror.timeline.patch({ id, requestBody: { text: "Autre" } }, at)).data;
  saw.updated = (await mirror.timeline.update({ id, requestBody: { html: "<p>é<script>x</script></p>" } }, at)).data;
  await mirror.timeline.delete({ id }, at);
  saw.left = (await mirror.timeline.list({ includeDeleted: true, sourceItemId: "" }, at)).data.items.find((one) => one.id === id);
  saw.contact = (await mirror.contacts.insert({ requestBody: { id: "c", displayName: "C", imageUrls: ["https://example.org/c.png"] } }, at)).data;
  saw.contacts = (await mirror.contacts.list({}, at)).data.items.length;
  saw.locale = (await mirror.settings.get({ id: "locale" }, at)).data.value;
  saw.locations = (await mirror.locations.list({}, at)).data.items;
  saw.refused = await mirror.subscriptions.insert({ requestBody: { collection: "timeline", callbackUrl: "https://evil.example/x" } }, at).then(() => 0, (error) => error.response.status);
  saw.missing = await mirror.timeline.get({ id: "nobody" }, at).then(() => 0, (error) => error.response.data.error.errors[0].reason);
  console.log(JSON.stringify(saw));
})().catch((error) => { console.error(error.message); process.exit(1); });
