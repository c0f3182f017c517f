/// What the program says of itself and of the machine.
module CondEmbed.Tests.CliHelpTests

open System
open System.IO
open Argu
open Expecto
open CondEmbed.Options
open CondEmbed.Cli
open CondEmbed.Cli.Arguments
open CondEmbed.Interop
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private commands =
    [ "train"
      "evaluate"
      "metrics"
      "embed"
      "index"
      "search"
      "explain"
      "preview"
      "doctor"
      "data"
      "weights" ]

let private help =
    testList
        "commands"
        [ test "no arguments, --help and a wrong libtorch: the commands are listed, and nothing of torch is touched" {
              inFolder (fun cache ->
                  let variables = [ "CONDEMBED_LIBTORCH", "/nonexistent"; "XDG_CACHE_HOME", cache ]

                  for arguments in [ []; [ "--help" ] ] do
                      let outcome = condembedWith variables arguments
                      Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything

                      for command in commands do
                          Expect.stringContains outcome.Out command "command"

                  for arguments in [ [ "--version" ]; [ "train"; "--list-settings" ] ] do
                      let outcome = condembedWith variables arguments
                      Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything

                  Expect.isEmpty (Directory.GetFileSystemEntries cache) "nothing is cached")
          }

          test "the help that is ready at once is what Argu makes of the description, whose structure is sound" {
              let parser = ArgumentParser.Create<Command>(programName = "condembed")
              Expect.equal (Overview.help ()) (parser.PrintUsage()) "the same text"
          }

          test "every command has examples in its help" {
              for command in commands do
                  let outcome = condembedWith [ "CONDEMBED_LIBTORCH", "/nonexistent" ] [ command; "--help" ]

                  Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything
                  let examples = outcome.Out.Substring(outcome.Out.IndexOf "EXAMPLES:")
                  Expect.stringContains examples $"condembed {command}" "an example"
          }

          test "every option of the manual is there" {
              let words =
                  "--config --out --encoder --weights --embedding --levels --heads --loss --steps --epochs --batch --per-class --lr --size --seed \
                     --device --threads --workers --resume --set --skip-bad"

              let out = succeeds [ "train"; "--help" ]

              for word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries) do
                  Expect.stringContains out word "option"
          }

          test "--list-settings names every setting with its default" {
              let out = succeeds [ "train"; "--list-settings" ]

              for pair in RunSettings.StartFor("small").Pairs() do
                  Expect.stringContains out $"{pair.Key} = {pair.Value}" "setting"
          } ]

let private otherMpi =
    test "doctor names an MPI that is none" {
        for named, problem in [ "/nope/libmpi.so", "cannot be loaded"; "libc.so.6", "is no MPI: it has no MPI_Init_thread" ] do
            let outcome = condembedWith [ "CONDEMBED_MPI", named ] [ "doctor" ]
            Expect.equal outcome.Code 1 outcome.Everything
            Expect.stringContains outcome.Out "libtorch" "the rest of what it found"
            Expect.stringContains outcome.Out "CONDEMBED_MPI names" outcome.Everything
            Expect.stringContains outcome.Out problem outcome.Everything
    }

let private doctor =
    test "doctor finds this machine healthy, as text and as JSON" {
        Expect.stringContains (succeeds [ "doctor" ]) "2.10" "libtorch"
        let found = jsonOf (succeeds [ "doctor"; "--json" ])
        Expect.isTrue (found.GetProperty("native").GetProperty("loaded").GetBoolean()) "loaded"
        Expect.equal (found.GetProperty("problems").GetArrayLength()) 0 "problems"
        let allocator = found.GetProperty("computing").GetProperty("allocator")
        let better = allocator.GetProperty("better").GetString()

        if better <> "" then
            let outcome = run "CondEmbed.Cli.dll" "." [ "LD_PRELOAD", better ] [ "doctor" ]
            Expect.isMatch outcome.Out "allocator +tcmalloc\\n" outcome.Everything
    }

let tests = testList "help" [ help; otherMpi; doctor ]
