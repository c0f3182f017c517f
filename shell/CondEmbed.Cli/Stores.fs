/// Stores for embeddings beyond memory, as given on the command line.
module CondEmbed.Cli.Stores

open System
open System.Threading
open System.Threading.Tasks
open CondEmbed
open CondEmbed.Postgres
open CondEmbed.Common
open CondEmbed.Search

/// The environment variable used instead of --store, so that no password has to appear on a command line.
[<Literal>]
let Variable = "CONDEMBED_STORE"

let usage =
    $"where embeddings are kept: postgres://user@host/database?table=NAME (the password: PGPASSWORD, or the whole address in {Variable}), or a file NAME.index"

/// The address from --store, otherwise from the environment.
let addressOf (given: string option) =
    match given, Environment.GetEnvironmentVariable Variable with
    | Some address, _ -> Some address
    | None, (null | "") -> None
    | None, address -> Some address

/// Waits for a call to a store.
let wait (call: Task<'T>) = call.GetAwaiter().GetResult()

/// Works with a store, and closes it.
let using (store: IVectorStore) work =
    try
        work store
    finally
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()

/// Every kind of store.
let private kinds = [ PostgresStore.Kind; yield! StoreKind.All ]

let private kindOf (address: string) =
    match kinds |> List.tryFind (fun kind -> kind.Recognises.Invoke address) with
    | Some kind -> kind
    | None ->
        // Only the scheme: an address that is not understood may contain a password.
        let scheme = address.Split("://")[0]
        let shown = if scheme.Length < address.Length then scheme + "://..." else address
        let forms = kinds |> List.map _.Form |> String.concat ", or "
        refuse $"--store {shown}: is not a known kind of store; give {forms}."

/// A store for the embeddings of a network, created if it does not exist; a file can also have codes.
let opened (network: StoreNetwork) (stop: CancellationToken) codes address : IVectorStore =
    if codes && not (kinds |> List.exists (fun kind -> kind.TakesCodes && kind.Recognises.Invoke address)) then
        refuse "--codes: is for a file NAME.index; PostgreSQL has its own index."

    (kindOf address).OpenOrCreateAsync.Invoke(address, network, codes, stop) |> wait

/// An existing store with the embeddings of a network.
let existing (network: StoreNetwork) (stop: CancellationToken) address : IVectorStore =
    let store = (kindOf address).OpenAsync.Invoke(address, stop) |> wait

    try
        store.Network.DemandSame(network, store.Name, "search it with the run that it was made with, or name another store or table")
        store
    with _ ->
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()
        reraise ()
