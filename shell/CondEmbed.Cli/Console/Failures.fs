/// What an exception means to the user: how the program ended, the exit code and one sentence.
module CondEmbed.Cli.Failures

open System
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open CondEmbed
open CondEmbed.Runs
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Search
open CondEmbed.Studies

/// The cause, without the exceptions that only wrap it.
let rec private root (error: exn) =
    match error with
    | :? AggregateException as several when several.InnerExceptions.Count > 0 -> root several.InnerExceptions[0]
    | :? TargetInvocationException
    | :? TypeInitializationException when not (isNull error.InnerException) -> root error.InnerException
    | _ -> error

let private ownFault (error: exn) =
    $"this is a fault of the program: {error.GetType().Name}: {error.Message} Please report it with the command line and the version."

let rec private told (error: exn) =
    match root error with
    | :? StoreUnavailableException as error -> "failed", 1, error.Message
    | :? InputException as error -> "failed", 2, error.Message
    | :? TrainingStoppedException as stopped -> "stopped", 1, stopped.Message
    | :? StudyStoppedException as stopped -> "stopped", 1, stopped.Message
    | :? OperationCanceledException -> "stopped", 1, "stopped."
    | :? DiskException
    | :? StudyFailedException
    | :? ArithmeticException as error -> "failed", 1, error.Message
    | :? OutOfMemoryException -> "failed", 1, "this machine is out of memory; try a smaller batch, fewer workers or smaller images."
    | error when FileProblem.IsOfFile error -> told (FileProblem.Of error)
    | :? InvalidDataException as error -> "failed", 2, error.Message
    | error -> "failed", 1, ownFault error

/// The exit code; the sentence goes to standard error.
let explain (error: exn) =
    let how, code, message = told error
    if how = "stopped" then Stopping.ended how message else Output.ended how code message
