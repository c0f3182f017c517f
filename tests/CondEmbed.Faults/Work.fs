namespace CondEmbed.Faults

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.IO.Enumeration
open System.Security.Cryptography
open System.Threading

/// A command that writes into the folder in which it runs.
type Work =
    {
        Name: string
        Arguments: string list
        /// What a user would give after it was disturbed, in that folder.
        Again: string -> string list
        /// The files that it leaves, as patterns of their paths below the folder; a star stands for any text.
        Results: string list
        /// What has to be the same of a file.
        Digest: string -> string
        /// Whether it saves on a signal, says how to go on, and may leave earlier states of its results.
        Saves: bool
        /// What starts it, such as mpirun.
        Through: string list
    }

/// What a work leaves when nothing befalls it, and how long and how much that is.
type Undisturbed = { Files: Map<string, string>; Seconds: float; Writes: int; Kilobytes: int }

module Work =
    let demand condition (words: string) = if not condition then raise (Wrong words)

    let results work (folder: string) =
        let isResult (file: string) =
            work.Results
            |> List.exists (fun pattern -> FileSystemName.MatchesSimpleExpression(pattern, file.Replace('\\', '/'), false))

        Map
            [ for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) do
                  let name = Path.GetRelativePath(folder, file)
                  if isResult name then name, work.Digest file ]

    let unfinished (folder: string) = Directory.GetFileSystemEntries(folder, "*.tmp", SearchOption.AllDirectories)

    let unfinishedNames folder = String.concat "" [ for path in unfinished folder -> $"{path}\n" ]

    let sha (file: string) = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes file))

    /// The tensors of a safetensors file alone: a study's settings, beside them, name its folder.
    let tensors (file: string) =
        let bytes = File.ReadAllBytes file
        Convert.ToHexString(SHA256.HashData(bytes.AsSpan(8 + int (BitConverter.ToInt64(bytes, 0)))))

    let start work folder arguments = new Child(folder, [], work.Through @ Child.condembed arguments)

    let run work folder arguments =
        use child = start work folder arguments
        child.End()

    let inFolder (action: string -> 'T) =
        let folder = Directory.CreateTempSubdirectory("condembed-faults-").FullName

        try
            action folder
        finally
            try
                Directory.Delete(folder, true)
            with :? IOException ->
                // A disk that could not be unmounted.
                ()

    /// Watches for files that are being written in a folder; the number of each is told, from 1.
    let watching (folder: string) (seen: int -> unit) =
        let mutable count = 0
        let watcher = new FileSystemWatcher(folder, "*.tmp", IncludeSubdirectories = true)
        watcher.Created.Add(fun _ -> seen (Interlocked.Increment &count))
        watcher.EnableRaisingEvents <- true
        watcher

    let private measure work =
        inFolder (fun folder ->
            let mutable writes = 0
            use _ = watching folder (fun count -> writes <- count)
            let clock = Stopwatch.StartNew()
            let ended = run work folder work.Arguments
            demand (ended.Code = 0) $"undisturbed: {ended.Everything}"
            let files = results work folder
            demand (not files.IsEmpty) $"undisturbed, and nothing is there: {ended.Everything}"

            let bytes =
                Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                |> Array.sumBy (fun file -> FileInfo(file).Length + 4096L)

            { Files = files
              Seconds = clock.Elapsed.TotalSeconds
              Writes = max 1 writes
              Kilobytes = int (bytes / 1024L) + 64 })

    let private measured = Dictionary<string, Undisturbed>()

    /// The second run has to leave the same as the first: else nothing could be compared with it.
    let undisturbed work =
        match measured.TryGetValue work.Name with
        | true, known -> known
        | _ ->
            let first, second = measure work, measure work
            demand (first.Files = second.Files) $"{work.Name} leaves something else each time: {first.Files} {second.Files}"
            measured[work.Name] <- second
            second
