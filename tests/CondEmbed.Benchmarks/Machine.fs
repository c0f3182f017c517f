/// What the numbers were measured on.
module CondEmbed.Benchmarks.Machine

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices

type Description =
    {
        Processor: string
        Cores: int
        /// Of what speeds tensors up, what this processor has.
        Instructions: string list
        Gibibytes: float
        System: string
        Runtime: string
        /// Versions of what is measured against, by name.
        Peers: string list
    }

let private lines path = if File.Exists path then File.ReadAllLines path |> List.ofArray else []

let private field (name: string) (file: string list) =
    file
    |> List.tryFind (fun line -> line.StartsWith(name, StringComparison.Ordinal) && line.Contains ':')
    |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())

let private useful = [ "avx2"; "avx512f"; "avx512_vnni"; "avx512_bf16"; "amx_bf16"; "asimd"; "sve" ]

let private versions =
    "import importlib\nfor n, m in [('torch','torch'),('faiss','faiss'),('Pillow','PIL'),('numpy','numpy')]:\n    try: print(n, importlib.import_module(m).__version__)\n    except Exception: pass"

let private peers () =
    try
        let python = if File.Exists "/usr/bin/python3" then "/usr/bin/python3" else "python3"

        use running =
            Process.Start(ProcessStartInfo(python, [ "-c"; versions ], RedirectStandardOutput = true, RedirectStandardError = true))

        let said = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        said.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
    with :? ComponentModel.Win32Exception ->
        []

/// This machine.
let here () =
    let cpu = lines "/proc/cpuinfo"
    let flags = field "flags" cpu |> Option.orElse (field "Features" cpu) |> Option.defaultValue ""
    let has = flags.Split ' ' |> Set.ofArray

    { Processor = field "model name" cpu |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)
      Cores = Environment.ProcessorCount
      Instructions = useful |> List.filter has.Contains
      Gibibytes = Math.Round(float (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 1073741824.0, 1)
      System = RuntimeInformation.OSDescription
      Runtime = RuntimeInformation.FrameworkDescription
      Peers = peers () }

/// One line for people.
let line (machine: Description) =
    let parts =
        [ $"{machine.Processor}, {machine.Cores} cores"
          String.Join(" ", machine.Instructions)
          FormattableString.Invariant $"{machine.Gibibytes} GiB"
          machine.Runtime
          String.Join(", ", machine.Peers) ]

    parts |> List.filter (fun part -> part <> "") |> String.concat " · "
