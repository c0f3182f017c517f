/// Each check in a process of its own.
module CondEmbed.Checks.Children

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.Json.Serialization

let json =
    JsonSerializerOptions(
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
    )

/// Begins the lines that are rows.
[<Literal>]
let private Mark = "@ "

/// This program, which may have been started as an assembly by its host.
let private own =
    let assembly = Environment.GetCommandLineArgs()[0]
    if Path.GetFileNameWithoutExtension Environment.ProcessPath = "dotnet" then [ assembly ] else []

/// What a child does: a check, whose rows it tells as lines.
let work (check: Check) (effort: Effort) =
    let told = Console.Out
    Console.SetOut Console.Error

    let tell (row: Row) =
        told.WriteLine(Mark + JsonSerializer.Serialize(row, json))
        told.Flush()

    try
        check.Run effort tell
    with problem ->
        tell (Check.row "" false (problem.GetBaseException().Message.ReplaceLineEndings " ") [])

/// Has a check done by a child; its rows, and one more if it died. All else that it says goes to standard error.
let private rowsOf (arguments: string list) (temporary: string) : Row list =
    let start =
        ProcessStartInfo(Environment.ProcessPath, own @ arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    start.Environment["TMPDIR"] <- temporary
    use child = Process.Start start
    let mutable first = ""

    child.ErrorDataReceived.Add(fun line ->
        if not (isNull line.Data) then
            if first = "" then first <- line.Data
            eprintfn $"{line.Data}")

    child.BeginErrorReadLine()

    let rows =
        [ let mutable line = child.StandardOutput.ReadLine()

          while not (isNull line) do
              if line.StartsWith(Mark, StringComparison.Ordinal) then
                  JsonSerializer.Deserialize<Row>(line.AsSpan Mark.Length, json)
              else
                  eprintfn $"{line}"

              line <- child.StandardOutput.ReadLine() ]

    child.WaitForExit()

    if child.ExitCode = 0 then
        rows
    else
        let after =
            match rows with
            | [] -> ""
            | some -> $" after {(List.last some).Case}"

        rows @ [ Check.row "" false $"the process died{after} with exit code {child.ExitCode}: {first}" [] ]

/// The same in a folder of its own (`--folder`), with another one for temporary files, which go afterwards.
let run (arguments: string list) : Row list =
    let root = Directory.CreateTempSubdirectory("condembed-check-").FullName

    try
        let made name = (Directory.CreateDirectory(Path.Combine(root, name))).FullName
        rowsOf (arguments @ [ "--folder"; made "work" ]) (made "temporary")
    finally
        Directory.Delete(root, true)
