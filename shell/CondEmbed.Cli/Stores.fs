/// Where embeddings are kept beyond memory, as said on the command line.
module CondEmbed.Cli.Stores

open System
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Postgres
open CondEmbed.Common
open CondEmbed.Search

/// The variable that stands for --store, so that no password need stand on a command line.
[<Literal>]
let Variable = "CONDEMBED_STORE"

let usage =
    $"where embeddings are kept: postgres://user@host/database?table=NAME (the password: PGPASSWORD, or the whole address in {Variable}), or a file NAME.index"

/// What --store says, else the environment.
let addressOf (given: string option) =
    match given, Environment.GetEnvironmentVariable Variable with
    | Some address, _ -> Some address
    | None, (null | "") -> None
    | None, address -> Some address

/// Waits for a call of a store.
let wait (call: Task<'T>) = call.GetAwaiter().GetResult()

/// Works with a store, and closes it.
let using (store: IVectorStore) work =
    try
        work store
    finally
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()

let private isFile (address: string) =
    address.EndsWith(IndexFileStore.Extension, StringComparison.OrdinalIgnoreCase)
    && not (address.Contains "://")

let private unknown (address: string) : IVectorStore =
    // The form alone: an address that is not understood may hold a password.
    let scheme = address.Split("://")[0]
    let shown = if scheme.Length < address.Length then scheme + "://..." else address

    raise (
        InputException $"--store {shown}: is no store that is known; give postgres://user@host/database?table=NAME, or a file NAME.index."
    )

/// A store for the embeddings of a network, made if it is not there; a file with codes too, on request.
let opened (network: StoreNetwork) (stop: CancellationToken) codes address : IVectorStore =
    if codes && not (isFile address) then
        raise (InputException "--codes: is for a file NAME.index; PostgreSQL has an index of its own.")

    if PostgresAddress.Recognises address then
        PostgresStore.OpenOrCreateAsync(PostgresAddress.Parse address, network, stop) |> wait :> IVectorStore
    elif isFile address then
        IndexFileStore.OpenOrCreate(address, network, codes)
    else
        unknown address

/// A store that is there and holds the embeddings of a network.
let existing (network: StoreNetwork) (stop: CancellationToken) address : IVectorStore =
    let store: IVectorStore =
        if PostgresAddress.Recognises address then
            PostgresStore.OpenAsync(PostgresAddress.Parse address, stop) |> wait :> IVectorStore
        elif isFile address then
            IndexFileStore.Open address
        else
            unknown address

    try
        store.Network.DemandSame(network, store.Name, "search it with the run that it was made with, or name another store or table")
        store
    with _ ->
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()
        reraise ()
