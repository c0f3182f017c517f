namespace CondEmbed.Faults

open System
open System.IO

/// How a case ended well.
type Ending =
    /// With the bits of the undisturbed run.
    | Same
    /// With a sentence and the right exit code; after the fault was mended, with those bits where there are any.
    | Told

/// A fault that befalls a command.
type Case =
    {
        Name: string
        /// What it needs and is not there.
        Lacks: unit -> string option
        /// In an empty folder. All chance is that of the generator.
        Try: Random -> string -> Ending
    }

module Case =
    let isThere (program: string) =
        string (Environment.GetEnvironmentVariable "PATH")
        |> _.Split(Path.PathSeparator)
        |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, program)))

    let lacksProgram program () = if isThere program then None else Some $"{program} is not there"

    let always () = None

    let private unheardOf = [ "   at "; "this is a fault of the program"; "Unhandled"; "terminate called"; "core dumped" ]

    /// That it ended with one of some exit codes, and said why, to people.
    let told codes (ended: Ended) =
        Work.demand (List.contains ended.Code codes) $"exit code {ended.Code}, and {codes} would do: {ended.Everything}"

        for words in unheardOf do
            Work.demand (not (ended.Error.Contains words)) $"'{words.Trim()}' is no sentence: {ended.Everything}"

        if ended.Code = 1 || ended.Code = 2 then
            Work.demand (ended.Error.Contains "condembed: ") $"no reason: {ended.Everything}"

    let private expectResults (work: Work) folder (ended: Ended) =
        let expected, found = (Work.undisturbed work).Files, Work.results work folder

        for KeyValue(name, digest) in expected do
            Work.demand (found.TryFind name = Some digest) $"{name} is not that of the undisturbed run: {ended.Everything}"

    /// That nothing has its final name and not its final contents. What saves its state on the way may have earlier ones.
    let expectNothingHalf (work: Work) folder (ended: Ended) =
        if not work.Saves then
            let expected = (Work.undisturbed work).Files

            for KeyValue(name, digest) in Work.results work folder do
                Work.demand (expected.TryFind name = Some digest) $"{name} is half-written: {ended.Everything}"

    /// Only a run's folder is one process's own, so only there what a killed one left is removed.
    let private same (work: Work) folder (ended: Ended) =
        told [ 0 ] ended
        expectResults work folder ended

        Work.demand
            (List.tryHead work.Arguments <> Some "train" || Array.isEmpty (Work.unfinished folder))
            $"unfinished files are left: {Work.unfinishedNames folder}{ended.Everything}"

        Same

    /// After a fault: what is there is whole, and the command, given again, ends with the bits of the undisturbed run. It may be started by something else.
    let settleThrough through (work: Work) folder (ended: Ended) =
        expectNothingHalf work folder ended

        if ended.Code = 0 then
            same work folder ended
        else
            let again = Work.run { work with Through = through } folder (work.Again folder)
            same work folder { again with Error = $"{again.Error}\nbefore that: {ended.Everything}" } |> ignore
            Told

    let settle (work: Work) = settleThrough work.Through work

    /// A time at which the undisturbed run would be under way.
    let anyTime (random: Random) (work: Work) = TimeSpan.FromSeconds(random.NextDouble() * 1.05 * (Work.undisturbed work).Seconds)
