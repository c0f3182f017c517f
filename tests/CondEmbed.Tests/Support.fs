/// What several test files use.
module CondEmbed.Tests.Support

open System
open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Torch
open TorchSharp
open CondEmbed.Common

module Expect =
    /// As Expecto's, of one at least: of none everything is true.
    let all (items: seq<'T>) (test: 'T -> bool) what =
        Expect.isNonEmpty items $"{what}: there are none"
        Expecto.Expect.all items test what

/// A file of golden values that is copied beside the test program.
let golden name = Path.Combine(AppContext.BaseDirectory, "golden", name)

let rec private repositoryAbove (folder: DirectoryInfo) =
    if isNull folder then None
    elif File.Exists(Path.Combine(folder.FullName, "CondEmbed.sln")) then Some folder.FullName
    else repositoryAbove folder.Parent

/// The folder of the repository that the tests were built in.
let repositoryRoot () =
    match repositoryAbove (DirectoryInfo AppContext.BaseDirectory) with
    | Some root -> root
    | None -> skiptest "the tests do not run inside the repository"

/// A file too large for the repository: from the folder that CONDEMBED_TEST_DATA names, else from '../shared/data' beside the
/// repository. Without it the test is skipped, and says so.
let sharedData name =
    let folder =
        match Environment.GetEnvironmentVariable "CONDEMBED_TEST_DATA" with
        | null
        | "" ->
            repositoryAbove (DirectoryInfo AppContext.BaseDirectory)
            |> Option.map (fun root -> Path.Combine(root, "..", "shared", "data"))
        | named -> Some named

    match folder |> Option.map (fun folder -> Path.Combine(folder, name)) with
    | Some file when File.Exists file -> file
    | _ -> skiptest $"{name} is not there; set CONDEMBED_TEST_DATA to a folder that holds it"

/// Runs a test with a fresh folder, and removes the folder afterwards.
let inFolder (test: string -> 'a) =
    let folder = Directory.CreateTempSubdirectory("condembed-test-").FullName

    try
        test folder
    finally
        Directory.Delete(folder, true)

/// The message of the InputException that an action throws; the test fails if it throws none.
let inputProblem (action: unit -> unit) =
    try
        action ()
        failtest "an InputException was expected, nothing was thrown"
    with :? InputException as problem ->
        problem.Message

/// Expects an InputException whose message holds every one of the words.
let rejects (words: string list) (action: unit -> unit) =
    let message = inputProblem action

    for word in words do
        Expect.stringContains message word "the message names what is wrong"

/// This program as a process of its own, its output read by the one who starts it.
let ownProcess (arguments: string list) =
    let host = string Environment.ProcessPath
    let start = System.Diagnostics.ProcessStartInfo(host, RedirectStandardOutput = true, RedirectStandardError = true)

    if Path.GetFileNameWithoutExtension host = "dotnet" then
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "CondEmbed.Tests.dll"))

    for argument in arguments do
        start.ArgumentList.Add argument

    start

/// Reads what may be anything: true where it can be read, false for an InputException. Anything else fails the test.
let isRead (read: unit -> unit) =
    try
        read ()
        true
    with :? InputException ->
        false

/// At least `read` of the damaged inputs were read, and at least `refused` refused; otherwise the damage does not reach what is tested.
let expectReadAndRefused (read: int) (refused: int) (outcomes: bool seq) =
    let outcomes = List.ofSeq outcomes
    Expect.isGreaterThanOrEqual (outcomes |> List.filter id |> List.length) read $"read, of {outcomes.Length}"
    Expect.isGreaterThanOrEqual (outcomes |> List.filter not |> List.length) refused $"refused, of {outcomes.Length}"

let private tensors = obj ()

let mutable private waiting = 0

/// What tests beside those of torch train here: it comes between two of these.
let betweenTests (body: unit -> 'T) : 'T =
    Interlocked.Increment &waiting |> ignore

    try
        lock tensors body
    finally
        Interlocked.Decrement &waiting |> ignore

/// A test of torch: some count the tensors of the process, or draw from its one generator. A lock alone would let it in before those who have waited longer.
let aloneWithTensors (body: unit -> 'T) : 'T =
    while Volatile.Read &waiting > 0 do
        Thread.Sleep 1

    lock tensors body

/// The tensors that someone holds. What tests before have left to the garbage collector is collected first, since it would else be while tensors are counted.
let heldTensors () =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    torch.Tensor.TotalCount

/// A test of tensors: libtorch is loadable, and everything that the test makes is freed at its end.
let tensorTest name (body: unit -> unit) =
    testCase name (fun () ->
        Native.ensure ()
        scoped body)

/// Normal numbers in float64 that depend on the seed and the shape alone.
let normal (seed: int) (shape: int list) : Tensor =
    use generator = new torch.Generator(uint64 seed, torch.CPU)
    let shape = [| for size in shape -> int64 size |]
    torch.randn (shape, dtype = float64, device = torch.CPU, generator = generator)

let labelsOf (labels: int seq) : Tensor = torch.tensor ([| for label in labels -> int64 label |], dtype = int64', device = torch.CPU)

/// All numbers of a tensor, row by row.
let numbers (x: Tensor) = if x.numel () = 0L then [||] else x.detach().``to``(float64).contiguous().data<float>().ToArray()

let matrixOf (rows: float list list) : Tensor =
    torch.tensor(List.toArray (List.concat rows), dtype = float64, device = torch.CPU).reshape(int64 rows.Length, -1L)

/// Equal shapes, and no number further apart than the tolerance.
let expectClose tolerance (expected: Tensor) (actual: Tensor) what =
    Expect.sequenceEqual actual.shape expected.shape $"{what}: shape"

    for i, (a, b) in Seq.zip (numbers expected) (numbers actual) |> Seq.indexed do
        if not (abs (a - b) <= tolerance) then failtest $"{what}: place {i} should be {a}, is {b} ({abs (a - b)} apart)"

/// Equal shapes and equal bits.
let expectSame (expected: Tensor) (actual: Tensor) what =
    Expect.sequenceEqual actual.shape expected.shape $"{what}: shape"
    Expect.isTrue (expected.equal(actual).all().item<bool>()) $"{what}: bit for bit"

let expectFinite (x: Tensor) what =
    Expect.isTrue (x.isfinite().all().item<bool>()) $"{what} is finite: {x.ToString TensorStringStyle.Julia}"

/// The start of a layer's parameters on the CPU, in the scope of the test: those of Params.init belong to none, and would wait for a garbage collector that
/// does not see how large they are.
let drawn seed dtype (specs: ParamSpec list) =
    Params.init seed torch.CPU dtype specs
    |> Params.map (fun _ leaf ->
        use owned = leaf
        owned.detach ())

/// The start of a layer's parameters in float64.
let started (specs: ParamSpec list) = drawn 7L float64 specs

/// The output of a layer, and the statistics that it reports.
let forward mode parameters (layer: Layer<'In, 'Out>) input =
    let reported = ResizeArray<string * Tensor>()

    let env =
        { Params = parameters
          Mode = mode
          Report = (fun name value -> reported.Add(name, value))
          Team = Team.alone }

    layer.Forward env input, List.ofSeq reported

/// The gradient that autograd finds for a scalar by each leaf.
let gradientsOf (f: Params -> Tensor) (leaves: Params) =
    let tracked = leaves |> Params.map (fun _ leaf -> leaf.detach().clone().requires_grad_ true)

    Grad.gradients (f tracked) (List.ofSeq (Params.toSeq tracked))

/// Autograd's gradient of a scalar by each leaf equals central differences.
let expectGradients tolerance (f: Params -> Tensor) (leaves: Params) =
    for name, gradient in gradientsOf f leaves do
        let byLeaf x = leaves |> Params.map (fun other leaf -> if other = name then x else leaf) |> f

        expectClose tolerance (Grad.finiteDifferences 1e-6 byLeaf leaves[name]) gradient $"gradient by {name}"

/// Runs an FsCheck property on a given number of cases: for properties that make tensors.
let fewCases count = { FsCheckConfig.defaultConfig with maxTest = count }

/// Expects an exception of a type or of one below it.
let throws<'T when 'T :> exn> (work: unit -> unit) what =
    Expect.throwsC work (fun problem -> Expect.isTrue (problem :? 'T) $"{what}: {problem}")
