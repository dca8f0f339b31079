/* Runs before the page: candidates of the server lead elsewhere, those of TCP nowhere. */
function detour() {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function (description, ...rest) {
    const port = /^a=candidate:\S+ \d+ udp \d+ \S+ (\d+)/im.exec(description.sdp)?.[1];
    if (!port) return setRemoteDescription.call(this, description, ...rest);
    const other = await window.openDetour(Number(port));
    const sdp = description.sdp.replace(/^a=candidate:\S+ \d+ tcp .*\r?\n/gim, "").replace(/^(a=candidate:\S+ \d+ udp \d+ \S+) \d+/gim, `$1 ${other}`);
    return setRemoteDescription.call(this, { type: description.type, sdp }, ...rest);
  };
}

/**
 * To be called before a page of any browser is opened.
 * @param {(port: number) => Promise<number>} openDetour told the server's port each time it describes itself. @returns the one to go by
 */
export async function takeDetour(page, openDetour) {
  await page.exposeFunction("openDetour", openDetour);
  await (page.addInitScript ?? page.evaluateOnNewDocument).call(page, detour);
}
