// An empty database in memory on a free port of 127.0.0.1, which is printed. It ends with its standard input, so that it never outlives the tests.
import { PGlite } from "@electric-sql/pglite"
import { vector } from "@electric-sql/pglite-pgvector"
import { PGLiteSocketServer } from "@electric-sql/pglite-socket"

const db = await PGlite.create({ extensions: { vector } })
// One session serves all connections, one message after another; more than one, since a client may come before the last one is quite gone.
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 8 })
await server.start()
console.log(server.getServerConn().split(":").pop())
process.stdin.on("end", () => process.exit(0)).resume()
