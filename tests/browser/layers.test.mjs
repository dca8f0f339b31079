/* The decoded width goes 1280, 320, 1280 with the size that is shown, and no gap is seen at a change. */
import { after, before, test } from "node:test";
import { changeWidths } from "./lib/layers.mjs";
import { openParticipant } from "./lib/participant.mjs";
import { startServer } from "./lib/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

/* Pictures of three sizes at once take a weak machine long in H264 and AV1. */
for (const codec of ["VP8", "VP9", ...(process.env.PLM_TEST_LONG ? ["H264", "AV1"] : [])]) {
  test(`${codec} from Chromium changes its width without a gap`, async (t) => {
    const sender = await openParticipant(server, 1, "Ada");
    const receiver = await openParticipant(server, 2, "Bob");
    try {
      await changeWidths({ t, server, sender, receiver, codec });
    } finally {
      await sender.close();
      await receiver.close();
    }
  });
}
