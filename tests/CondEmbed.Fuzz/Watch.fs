/// Has targets read in processes of their own, and finds out what those died of.
module CondEmbed.Fuzz.Watch

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography

/// A failure with its input, and where that is kept.
type Found = { Target: string; Failure: Worker.Failure; File: string }

/// A child may have so much of managed memory.
let private heapLimit = "0x60000000"

let private mostDeaths = 5

/// This program, which may have been started as an assembly by its host.
let private own =
    let assembly = Environment.GetCommandLineArgs()[0]
    if Path.GetFileNameWithoutExtension Environment.ProcessPath = "dotnet" then [ assembly ] else []

/// Runs this program as a child; its lines, and why it died, if it did.
let private child (arguments: string list) folder (limit: TimeSpan) =
    let start =
        ProcessStartInfo(Environment.ProcessPath, own @ arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    start.Environment["DOTNET_GCHeapHardLimit"] <- heapLimit
    start.Environment["DOTNET_DbgEnableMiniDump"] <- "0"
    use worker = Process.Start start
    let lines, errors = worker.StandardOutput.ReadToEndAsync(), worker.StandardError.ReadToEndAsync()
    let ended = worker.WaitForExit limit
    if not ended then worker.Kill(true)
    worker.WaitForExit()
    let rows = [ for line in lines.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries) -> List.ofArray (line.Split '\t') ]

    let lastError =
        errors.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.tryHead
        |> Option.defaultValue ""

    let death: Worker.Failure option =
        if File.Exists(Worker.hung folder) then Some { Kind = "hang"; Message = "more than ten seconds" }
        elif not ended then Some { Kind = "hang"; Message = "the process did not end" }
        elif worker.ExitCode <> 0 then Some { Kind = $"death, exit code {worker.ExitCode}"; Message = lastError }
        else None

    File.Delete(Worker.hung folder)
    rows, death

/// Inputs lie in memory where that is possible: on a disk, each would cost ten times its reading.
let private inFolder (work: string -> 'a) =
    let memory = "/dev/shm"
    let name = $"condembed-fuzz-{Guid.NewGuid():N}"

    let folder =
        Directory.CreateDirectory(Path.Combine((if Directory.Exists memory then memory else Path.GetTempPath()), name)).FullName

    try
        work folder
    finally
        Directory.Delete(folder, true)

/// Keeps an input under the name of its target and its sum.
let private keep (folder: string option) target (bytes: byte array) =
    match folder with
    | None -> "(not kept: give --keep)"
    | Some folder ->
        Directory.CreateDirectory folder |> ignore
        let path = Path.Combine(folder, $"{target}-{Convert.ToHexStringLower(SHA256.HashData bytes)[..7]}")
        File.WriteAllBytes(path, bytes)
        path

/// Reads inputs that were kept: a row of words for each. After a death it goes on with those that are left.
let rec replay target (files: string list) : string list list =
    let rows, death =
        inFolder (fun folder ->
            child
                ([ "--worker"; target; "--folder"; folder; "--inputs" ] @ files)
                folder
                (TimeSpan.FromSeconds(60.0 + 12.0 * float files.Length)))

    match death, List.skip (min rows.Length files.Length) files with
    | Some failure, culprit :: left ->
        rows
        @ [ [ "failed"; failure.Kind; failure.Message; culprit ] ]
        @ (if left.IsEmpty then [] else replay target left)
    | _ -> rows

/// An input that a process died of, made small as far as a minute goes.
let private smallDeath target (death: Worker.Failure) (bytes: byte array) =
    let until = DateTime.UtcNow.AddMinutes 1.0

    let isSame (less: byte array) =
        DateTime.UtcNow < until
        && inFolder (fun folder ->
            let file = Path.Combine(folder, "input")
            File.WriteAllBytes(file, less)

            match replay target [ file ] with
            | [ [ "failed"; kind; _; _ ] ] -> kind = death.Kind
            | _ -> false)

    if bytes.Length <= (1 <<< 16) then Mutation.smallest isSame bytes else bytes

/// Searches a target for some seconds: how many inputs, how many of them were read, and the failures.
let search target seed (seconds: float) beginWith keepIn =
    let rec go seed (seconds: float) deaths (count, wasRead, found) =
        let clock = Stopwatch.StartNew()

        let counts, death, failures =
            inFolder (fun folder ->
                let arguments = [ "--worker"; target; "--folder"; folder; "--seed"; string seed; "--seconds"; string seconds ]

                let arguments =
                    arguments
                    @ (match beginWith with
                       | Some path -> [ "--begin"; path ]
                       | None -> [])

                let rows, death = child arguments folder (TimeSpan.FromSeconds(seconds + 200.0))
                let kept failure bytes = { Target = target; Failure = failure; File = keep keepIn target bytes }

                let failures =
                    [ for row in rows do
                          match row with
                          | [ "failed"; kind; message; file ] -> kept { Kind = kind; Message = message } (File.ReadAllBytes file)
                          | _ -> ()
                      match death with
                      | Some failure when File.Exists(Path.Combine(folder, "path")) ->
                          let bytes = File.ReadAllBytes(File.ReadAllText(Path.Combine(folder, "path")))
                          kept failure (smallDeath target failure bytes)
                      | Some failure -> kept failure [||]
                      | None -> () ]

                let counted = if File.Exists(Worker.counted folder) then File.ReadAllBytes(Worker.counted folder) else [||]
                let inputs = if counted.Length = 8 then BitConverter.ToInt64(counted, 0) else 0L

                let read =
                    rows
                    |> List.tryPick (function
                        | [ "done"; _; read ] -> Some(int64 read)
                        | _ -> None)
                    |> Option.defaultValue 0L

                (inputs, read), death, failures)

        let fresh =
            failures
            |> List.filter (fun one -> found |> List.forall (fun other -> other.Failure.Kind <> one.Failure.Kind))

        let all = count + fst counts, wasRead + snd counts, found @ fresh
        let left = seconds - clock.Elapsed.TotalSeconds
        if death.IsSome && deaths + 1 < mostDeaths && left > 0.5 then go (seed + 1) left (deaths + 1) all else all

    go seed seconds 0 (0L, 0L, [])
