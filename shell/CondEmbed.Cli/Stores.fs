/// Where embeddings are kept beyond memory, as said on the command line.
module CondEmbed.Cli.Stores

open System
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Postgres
open CondEmbed.Serving

/// The variable that stands for --store, so that no password need stand on a command line.
[<Literal>]
let Variable = "CONDEMBED_STORE"

let usage =
    $"where embeddings are kept: postgres://user@host/database?table=NAME (the password: PGPASSWORD, or the whole address in {Variable})"

/// What --store says, else the environment.
let addressOf (given: string option) =
    match given, Environment.GetEnvironmentVariable Variable with
    | Some address, _ -> Some address
    | None, (null | "") -> None
    | None, address -> Some address

/// Waits for a call of a store.
let wait (call: Task<'T>) = call.GetAwaiter().GetResult()

/// Works with a store, and closes it.
let using (store: #IVectorStore) work =
    try
        work (store :> IVectorStore)
    finally
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()

let private unknown address =
    // The form alone: an address that is not understood may hold a password.
    let scheme = (address: string).Split("://")[0]
    let shown = if scheme.Length < address.Length then scheme + "://..." else address
    raise (InputException $"--store {shown}: is no store that is known; give postgres://user@host/database?table=NAME.")

/// A store for the embeddings of a network, made if it is not there.
let opened (network: StoreNetwork) (stop: CancellationToken) address =
    if PostgresAddress.Recognises address then
        PostgresStore.OpenOrCreateAsync(PostgresAddress.Parse address, network, stop) |> wait
    else
        unknown address

/// A store that is there and holds the embeddings of a network.
let existing (network: StoreNetwork) (stop: CancellationToken) address =
    if PostgresAddress.Recognises address then
        let store = PostgresStore.OpenAsync(PostgresAddress.Parse address, stop) |> wait

        try
            store.Network.DemandSame(
                network,
                store.Name,
                "search it with the run that it was made with, or name another table with ?table=NAME"
            )

            store
        with _ ->
            store.DisposeAsync().AsTask().GetAwaiter().GetResult()
            reraise ()
    else
        unknown address
