/// The core composes and computes: it reads no files, keeps no time, starts no threads and leaves the process as it is.
module CondEmbed.Tests.PurityTests

open System.Reflection
open Expecto
open CondEmbed
open CondEmbed.Tests

/// Types that reach out of the computation, with all that is nested in them.
let private impure =
    set
        [ for name in [ "File"; "Directory"; "FileInfo"; "DirectoryInfo"; "FileStream"; "StreamReader"; "StreamWriter"; "Path" ] do
              $"System.IO.{name}"
          "System.Environment"
          "System.GC"
          "System.Console"
          "System.DateTime"
          "System.DateTimeOffset"
          "System.TimeProvider"
          "System.AppContext"
          "System.Random"
          "System.Diagnostics.Stopwatch"
          "System.Diagnostics.Process"
          "System.Threading.Thread"
          "System.Threading.ThreadPool"
          "System.Threading.Tasks.Task"
          "System.Threading.Tasks.Parallel"
          "System.Runtime.InteropServices.Marshal"
          "System.Runtime.InteropServices.NativeLibrary"
          "System.Net.Http.HttpClient" ]

let private core = typeof<Params>.Assembly

let private methods = lazy CalledMethods.ofAssembly core

let tests =
    testList
        "Purity"
        [ test "the core calls nothing of files, environment, clock, threads or process" {
              let calls =
                  [ for caller in methods.Value do
                        for called in CalledMethods.calls caller do
                            if not (isNull called.DeclaringType) then caller, called ]

              Expect.isGreaterThan calls.Length 5000 "calls that were read"

              let bad =
                  [ for caller, called in calls do
                        if impure.Contains called.DeclaringType.FullName then
                            $"{caller.DeclaringType}.{caller.Name} calls {called.DeclaringType}.{called.Name}" ]

              Expect.isEmpty bad "calls that belong in the shell"
          }

          test "the core declares no native function" {
              let native = methods.Value |> List.filter _.Attributes.HasFlag(MethodAttributes.PinvokeImpl)
              Expect.isEmpty [ for found in native -> found.Name ] "native functions"
          }

          test "the core refers to no assembly of the shell" {
              let named = [ for name in core.GetReferencedAssemblies() -> string name.Name ]

              Expect.equal
                  [ for name in named do
                        if name.StartsWith "CondEmbed" then name ]
                  [ "CondEmbed.Abstractions" ]
                  "what the core is built on"
          } ]
