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

/// A kind of store: the form of its addresses, whether it takes --codes, and how one is opened.
type private Kind =
    { Form: string
      Recognises: string -> bool
      TakesCodes: bool
      OpenOrCreate: string -> StoreNetwork -> bool -> CancellationToken -> IVectorStore
      Open: string -> CancellationToken -> IVectorStore }

let private postgres =
    { Form = "postgres://user@host/database?table=NAME"
      Recognises = PostgresAddress.Recognises
      TakesCodes = false
      OpenOrCreate =
        fun address network _ stop -> PostgresStore.OpenOrCreateAsync(PostgresAddress.Parse address, network, stop) |> wait :> IVectorStore
      Open = fun address stop -> PostgresStore.OpenAsync(PostgresAddress.Parse address, stop) |> wait :> IVectorStore }

let private indexFile =
    { Form = "a file NAME.index"
      Recognises =
        fun address ->
            address.EndsWith(IndexFileStore.Extension, StringComparison.OrdinalIgnoreCase)
            && not (address.Contains "://")
      TakesCodes = true
      OpenOrCreate = fun address network codes _ -> IndexFileStore.OpenOrCreate(address, network, codes)
      Open = fun address _ -> IndexFileStore.Open address }

/// Every kind of store.
let private kinds = [ postgres; indexFile ]

let private kindOf (address: string) =
    match kinds |> List.tryFind (fun kind -> kind.Recognises address) with
    | Some kind -> kind
    | None ->
        // Only the scheme: an address that is not understood may contain a password.
        let scheme = address.Split("://")[0]
        let shown = if scheme.Length < address.Length then scheme + "://..." else address
        let forms = kinds |> List.map _.Form |> String.concat ", or "
        refuse $"--store {shown}: is not a known kind of store; give {forms}."

/// A store for the embeddings of a network, created if it does not exist; a file can also have codes.
let opened (network: StoreNetwork) (stop: CancellationToken) codes address : IVectorStore =
    if codes && not (kinds |> List.exists (fun kind -> kind.TakesCodes && kind.Recognises address)) then
        refuse "--codes: is for a file NAME.index; PostgreSQL has its own index."

    (kindOf address).OpenOrCreate address network codes stop

/// An existing store with the embeddings of a network.
let existing (network: StoreNetwork) (stop: CancellationToken) address : IVectorStore =
    let store = (kindOf address).Open address stop

    try
        store.Network.DemandSame(network, store.Name, "search it with the run that it was made with, or name another store or table")
        store
    with _ ->
        store.DisposeAsync().AsTask().GetAwaiter().GetResult()
        reraise ()
