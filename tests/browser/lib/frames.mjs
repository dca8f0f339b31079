/* When pictures of others were decoded, on the clock that all browsers of one machine share. */

/* Runs in the page: from now on window.decoded has when the count of decoded pictures was seen to have grown, ms since 1970. */
function watchFrames() {
  const LOOK_MS = 30;
  let known = 0;
  window.decoded = [];
  const look = async () => {
    let count = 0;
    const report = await window.plenum.meeting.receive.getStats();
    report?.forEach((entry) => {
      if (entry.type === "inbound-rtp" && entry.kind === "video") count += entry.framesDecoded ?? 0;
    });
    if (count !== known) window.decoded.push(Date.now());
    known = count;
    setTimeout(() => void look(), LOOK_MS);
  };
  void look();
}

/** From now on it is written down when pictures are decoded in this person's page. */
export const beginFrames = (person) => person.page.evaluate(watchFrames);

/** The times between two pictures from the last before `since` on, and that from the last one until now: { at: begin in ms after `since`, ms }. */
export async function gapsOf(person, since) {
  const { times, now } = await person.page.evaluate(() => ({ times: window.decoded, now: Date.now() }));
  const edges = [...times.slice(Math.max(0, times.findLastIndex((time) => time <= since))), now];
  return edges.slice(1).map((time, i) => ({ at: edges[i] - since, ms: time - edges[i] }));
}
