/// Standard output and standard error that do not throw when writing fails: work must be saved even if nobody is listening.
module CondEmbed.Cli.Standard

open System
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Threading
open CondEmbed
open CondEmbed.Common

[<DllImport("libc", EntryPoint = "write", SetLastError = true)>]
extern nativeint private writeBytes(int handle, byte[] bytes, unativeint count)

[<DllImport("libc", EntryPoint = "fcntl", SetLastError = true)>]
extern int private fileStatus(int handle, int command)

/// Writes bytes to the standard streams that the process was started with; IOException with the system's error number. A .NET stream keeps its own position, and
/// ignores readers that have gone.
let rec private writeAll handle (bytes: byte[]) =
    let written = int (writeBytes (handle, bytes, unativeint bytes.Length))

    if written < 0 then
        match Marshal.GetLastPInvokeError() with
        | 4 -> writeAll handle bytes
        | 11
        | 35 ->
            Thread.Sleep 5
            writeAll handle bytes
        | number -> raise (IOException(Marshal.GetPInvokeErrorMessage number, number))
    elif written < bytes.Length then
        writeAll handle bytes[written..]

/// Whether the process was started with this stream: if not, one of the runtime's own files may have its number.
let private isOpen handle =
    let write = 1
    let kind = fileStatus (handle, 3) &&& 3

    let targetOf file =
        try
            match File.ResolveLinkTarget(file, false) with
            | null -> ""
            | target -> target.Name
        with _ ->
            ""

    let isOfRuntime =
        Directory.Exists "/proc/self/fd"
        && match targetOf $"/proc/self/fd/{handle}" with
           | target when target.StartsWith "pipe:" ->
               // The runtime talks to itself through pipes and holds both ends.
               Directory.GetFileSystemEntries "/proc/self/fd"
               |> Seq.exists (fun file -> targetOf file = target && fileStatus (int (Path.GetFileName file), 3) &&& 3 = 0)
           | target -> target.StartsWith "memfd:" || target.StartsWith "anon_inode"

    kind >= write && not isOfRuntime

type private Unfailing(write: byte[] -> unit, failed: exn -> unit) =
    inherit Stream()

    let mutable hasFailed = false

    override _.CanRead = false
    override _.CanSeek = false
    override _.CanWrite = true
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Read(_: byte[], _: int, _: int) : int = raise (NotSupportedException())
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())

    override _.Write(bytes: byte[], start: int, count: int) =
        if not hasFailed && count > 0 then
            try
                write bytes[start .. start + count - 1]
            with problem ->
                hasFailed <- true
                failed problem

let mutable private problem: exn = null

/// Why standard output could not be written.
type Failure =
    /// The program that read it has ended, such as `head`: that is no problem of this one.
    | Unread
    | Refused of why: string

/// Why standard output could not be written, if it could not.
let failure () =
    match problem with
    | null -> None
    | problem when FileProblem.IsBrokenPipe problem -> Some Unread
    | problem when FileProblem.IsFull problem ->
        Some(Refused $"standard output: cannot be written: {FileProblem.Reason problem}. Free some space, or redirect it elsewhere.")
    | problem -> Some(Refused $"standard output: cannot be written: {FileProblem.Reason problem}.")

let private writer handle (console: unit -> Stream) failed =
    let write =
        if OperatingSystem.IsWindows() then
            let stream = console ()
            fun (bytes: byte[]) -> stream.Write(bytes, 0, bytes.Length)
        elif isOpen handle then
            writeAll handle
        else
            fun _ -> raise (IOException "it is closed")

    new StreamWriter(new Unfailing(write, failed), UTF8Encoding false, 4096, AutoFlush = true)

/// Takes over both streams. `failed` is called once, when standard output can no longer be written.
let takeOver (failed: unit -> unit) =
    Console.SetError(writer 2 Console.OpenStandardError ignore)

    Console.SetOut(
        writer 1 Console.OpenStandardOutput (fun found ->
            problem <- found
            failed ())
    )
