/// Processes of condembed, started by a real mpirun.
module CondEmbed.Tests.Mpirun

open System
open System.Diagnostics
open System.IO
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport

let programs = [ "mpirun.openmpi"; "mpirun.mpich" ]

/// Of gradients that are zero but for rounding, AdamW would make whole steps. A low rate, since what float32 rounds grows from step to step: two threads differ from one as two processes do.
let common = [ "optimiser", "sgd"; "lr", "0.0001"; "levels", "1"; "batch", "12"; "initial_evaluation", "false" ]

let isThere (program: string) =
    string (Environment.GetEnvironmentVariable "PATH")
    |> _.Split(Path.PathSeparator)
    |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

let private start (program: string) variables (arguments: string list) =
    if not (isThere program) then skiptest $"{program} is not there"

    // A process that waits lets others have its core, of this team or of the tests beside it.
    let ofOpenMpi = [ "--allow-run-as-root"; "--oversubscribe"; "--mca"; "mpi_yield_when_idle"; "1" ]
    let options = if program.EndsWith "openmpi" then ofOpenMpi else []
    let info = ProcessStartInfo(program, options @ arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        info.Environment[name] <- value

    new Running(Process.Start info)

let private condembed = [ host; built "CondEmbed.Cli.dll" ]

/// Two processes of condembed, with some environment variables.
let mpirun program variables arguments = start program variables ([ "-np"; "2" ] @ condembed @ arguments)

/// So many processes of the tests' own program, with some environment variables.
let mpirunOwn program (count: int) variables arguments =
    start program variables ([ "-np"; string count; host; Reflection.Assembly.GetExecutingAssembly().Location ] @ arguments)

/// A library with the standard's binary interface, made here on top of the MPI of a program.
let standardLibrary (program: string) (folder: string) =
    if not (isThere "cc") then skiptest "no C compiler (cc) is there"
    let library = Path.Combine(folder, "libmpi_abi.so")
    let source = Path.Combine(Support.repositoryRoot (), "tests", "CondEmbed.Tests", "Team", "mpi_abi.c")
    let below = if program.EndsWith "openmpi" then [ "-l:libmpi.so.40" ] else [ "-DMPICH"; "-l:libmpich.so.12" ]
    let arguments = [ "-shared"; "-fPIC"; "-O1"; "-o"; library; source ] @ below

    use compiler =
        new Running(Process.Start(ProcessStartInfo("cc", arguments, RedirectStandardOutput = true, RedirectStandardError = true)))

    let outcome = compiler.Outcome()
    if outcome.Code <> 0 then skiptest $"cc makes no library on top of the MPI of {program}: {outcome.Error.Trim()}"
    library

/// A process of condembed in each of some folders, with its own arguments.
let mpirunIn program (each: (string * string list) list) =
    [ for folder, arguments in each -> [ "-np"; "1"; "-wdir"; folder ] @ condembed @ arguments ]
    |> List.reduce (fun before next -> before @ ":" :: next)
    |> start program []

/// The arguments that train on a folder of images.
let trainOn (images: string) (run: string) others =
    [ "train"; images; "--out"; run ]
    @ [ for key, value in tiny @ common @ others do
            "--set"
            $"{key}={value}" ]

/// The same on the common images.
let training run others = trainOn imageFolder.Value run others

/// The number in the system of the process of a rank, of those that were started with a variable of a value of its own.
let processOf (program: string) (variable: string, value: string) rank =
    let rankOf = if program.EndsWith "openmpi" then "OMPI_COMM_WORLD_RANK" else "PMI_RANK"

    let isIt folder =
        try
            let variables = File.ReadAllText(Path.Combine(folder, "environ")).Split '\000'
            Array.contains $"{variable}={value}" variables && Array.contains $"{rankOf}={rank}" variables
        with
        | :? IOException
        | :? UnauthorizedAccessException -> false

    Directory.EnumerateDirectories("/proc", "*")
    |> Seq.filter (fun folder -> Char.IsAsciiDigit(Path.GetFileName(folder)[0]))
    |> Seq.filter isIt
    |> Seq.map (Path.GetFileName >> int)
    |> Seq.exactlyOne
