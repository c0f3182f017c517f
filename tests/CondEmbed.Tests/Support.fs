/// What several test files use.
module CondEmbed.Tests.Support

open System
open System.IO
open Expecto
open CondEmbed

/// A file of golden values that is copied beside the test program.
let golden name =
    Path.Combine(AppContext.BaseDirectory, "golden", name)

let rec private repositoryAbove (folder: DirectoryInfo) =
    if isNull folder then
        None
    elif File.Exists(Path.Combine(folder.FullName, "CondEmbed.sln")) then
        Some folder.FullName
    else
        repositoryAbove folder.Parent

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
let inFolder (test: string -> unit) =
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
