/// Servers for the tests of stores, each started once: PGlite, which has pgvector, and PostgreSQL itself, which has COPY.
module CondEmbed.Tests.StoreServers

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Security.Cryptography
open Expecto
open Npgsql
open CondEmbed.Postgres
open CondEmbed.Tests.Support

let private started = ResizeArray<Process>()

AppDomain.CurrentDomain.ProcessExit.Add(fun _ ->
    for server in started do
        server.StandardInput.Close()
        if not (server.WaitForExit 5000) then server.Kill true)

let private start (file: string) (folder: string) (arguments: string list) =
    let info =
        ProcessStartInfo(
            file,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    Process.Start info

/// Runs a program to its end; what it printed, or a reason to skip.
let private run file folder arguments =
    try
        use child = start file folder arguments
        let error = child.StandardError.ReadToEndAsync()
        let out = child.StandardOutput.ReadToEnd()

        if child.WaitForExit(TimeSpan.FromMinutes 3.0) && child.ExitCode = 0 then
            Ok out
        else
            if not child.HasExited then child.Kill true
            Error $"{file}: {out}{error.Result}"
    with :? ComponentModel.Win32Exception as problem ->
        Error $"{file}: {problem.Message}"

let private orSkip what result =
    match result with
    | Ok value -> value
    | Error problem -> skiptest $"{what}: {(problem: string).Trim()}"

/// PGlite's packages, installed once for each list of versions into a folder that outlives the tests.
let private packages =
    lazy
        (let source = Path.Combine(repositoryRoot (), "tests", "pglite")
         let versions = File.ReadAllBytes(Path.Combine(source, "package-lock.json"))
         let name = "pglite-" + Convert.ToHexStringLower(SHA256.HashData versions).Substring(0, 12)

         let caches =
             Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create)

         let root = Path.Combine(caches, "condembed-tests", name)
         let whole = Path.Combine(root, "installed")
         Directory.CreateDirectory root |> ignore

         for file in Directory.GetFiles source do
             File.Copy(file, Path.Combine(root, Path.GetFileName file), true)

         if File.Exists whole then
             Ok root
         else
             run "npm" root [ "ci"; "--ignore-scripts"; "--no-audit"; "--no-fund" ]
             |> Result.map (fun _ ->
                 File.WriteAllText(whole, "")
                 root))

/// Starts PGlite; gives its address, which takes parameters after `?pooling=false`.
let startPGlite () =
    let root = packages.Value |> orSkip "no PGlite: install node 20 or newer with npm"
    let server = start "node" root [ "server.mjs" ]
    started.Add server

    match server.StandardOutput.ReadLine() with
    | null -> skiptest $"PGlite does not start: {server.StandardError.ReadToEnd()}"
    | port -> $"postgres://postgres:any@127.0.0.1:{port}/postgres?pooling=false"

let private pglite = lazy startPGlite ()

/// The address of a table of PGlite.
let pgliteAddress table = PostgresAddress.Parse $"{pglite.Value}&table={table}"

let pgliteUri table = $"{pglite.Value}&table={table}"

/// A type `vector` that has nothing of pgvector but the name and the bytes: enough to bring rows in and out, not to search.
let vectorType =
    """
    CREATE TYPE vector;
    CREATE FUNCTION vector_in(cstring) RETURNS vector AS 'byteain' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_out(vector) RETURNS cstring AS 'byteaout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_recv(internal) RETURNS vector AS 'bytearecv' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_send(vector) RETURNS bytea AS 'byteasend' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer AS 'varchartypmodin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, RECEIVE = vector_recv, SEND = vector_send, TYPMOD_IN = vector_typmod_in, STORAGE = external);
    CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean AS 'bytealt' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer AS 'byteacmp' LANGUAGE internal IMMUTABLE STRICT;
    CREATE OPERATOR = (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq, COMMUTATOR = =);
    CREATE OPERATOR < (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt);
    CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 vector_cmp(vector, vector);
    """

let private roles =
    """
    CREATE ROLE limited LOGIN PASSWORD 'limited';
    GRANT CREATE, USAGE ON SCHEMA public TO limited;
    REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC;
    """

/// Of every sign that means something in an address.
let password = "p@ss:w/o?rd#%&=1"

let private programs =
    lazy
        (let folders =
            [ if Directory.Exists "/usr/lib/postgresql" then
                  for version in Directory.GetDirectories "/usr/lib/postgresql" |> Array.sortDescending do
                      Path.Combine(version, "bin") ]

         match folders |> List.tryFind (fun folder -> File.Exists(Path.Combine(folder, "initdb"))) with
         | Some folder -> folder
         | None -> skiptest "no PostgreSQL server: install Debian's package postgresql")

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// The server refuses to run as root, so there it runs as nobody.
let private asNobody (file: string) arguments =
    if Environment.UserName = "root" then
        "setpriv", [ "--reuid=nobody"; "--regid=nogroup"; "--clear-groups"; file ] @ arguments
    else
        file, arguments

/// Runs a program as long as standard input is open, so that it never outlives the tests, however these end.
let private untilInputEnds = "\"$@\" & server=$!; cat >/dev/null; kill -INT $server; wait $server"

let private execute (address: string) sql =
    use source = NpgsqlDataSource.Create(PostgresAddress.Parse(address).Connection.ConnectionString)
    use command = source.CreateCommand sql
    command.ExecuteNonQuery() |> ignore

/// A PostgreSQL server of its own, in a new folder and on a free port.
type PostgresServer() =
    let folder = Directory.CreateTempSubdirectory("condembed-postgres-").FullName
    do AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
    let data, secret = Path.Combine(folder, "data"), Path.Combine(folder, "secret")
    let port = freePort ()
    let address = $"postgres://postgres:{Uri.EscapeDataString password}@127.0.0.1:{port}/postgres?index=none"
    let program name = Path.Combine(programs.Value, name)

    do
        File.WriteAllText(secret, password)
        if Environment.UserName = "root" then run "chown" folder [ "-R"; "nobody"; folder ] |> orSkip "chown" |> ignore

        let file, arguments =
            asNobody
                (program "initdb")
                [ "-D"; data; "-U"; "postgres"; "-A"; "scram-sha-256"; $"--pwfile={secret}"; "--no-sync"; "-E"; "UTF8" ]

        run file folder arguments |> orSkip "PostgreSQL cannot be set up" |> ignore

    /// The address of its database, to which parameters can be added.
    member _.Address = address

    /// Starts it, the first time or again, and waits until it executes a statement.
    member _.Start sql =
        let settings = [ "listen_addresses=127.0.0.1"; "unix_socket_directories="; "fsync=off"; "shared_buffers=16MB" ]

        let server =
            [ program "postgres"; "-D"; data; "-p"; $"{port}" ]
            @ List.collect (fun setting -> [ "-c"; setting ]) settings

        let file, arguments = asNobody "/bin/sh" ([ "-c"; untilInputEnds; "sh" ] @ server)
        let server = start file folder arguments
        started.Insert(0, server)
        server.ErrorDataReceived.Add ignore
        server.BeginErrorReadLine()
        let watch = Stopwatch.StartNew()

        let rec prepare () =
            try
                execute address sql
            with :? NpgsqlException as problem when problem.SqlState <> "42710" && watch.Elapsed.TotalSeconds < 30.0 && not server.HasExited ->
                Threading.Thread.Sleep 50
                prepare ()

        prepare ()

    /// Ends it at once, as a crash would.
    member _.Kill() =
        let main = File.ReadLines(Path.Combine(data, "postmaster.pid")) |> Seq.head |> int
        use server = Process.GetProcessById main
        server.Kill()
        server.WaitForExit()

let private postgres =
    lazy
        (let server = PostgresServer()
         server.Start(vectorType + roles)
         execute server.Address "CREATE DATABASE bare"
         server.Address)

/// The address of a table of PostgreSQL, where nothing can be searched.
let postgresUri table = $"{postgres.Value}&table={table}"

let postgresAddress table = PostgresAddress.Parse(postgresUri table)

/// The address of a table in a new database of PostgreSQL that has no type `vector` yet.
let emptyUri database table =
    execute postgres.Value $"CREATE DATABASE {database}"
    $"{postgres.Value}&table={table}".Replace("/postgres?", $"/{database}?")

/// Rows of a statement, as objects.
let rows (address: PostgresAddress) sql =
    use source = NpgsqlDataSource.Create address.Connection.ConnectionString
    use command = source.CreateCommand sql
    use reader = command.ExecuteReader()

    [ while reader.Read() do
          [ for column in 0 .. reader.FieldCount - 1 -> reader.GetValue column ] ]
