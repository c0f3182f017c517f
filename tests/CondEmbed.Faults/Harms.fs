/// Files that are cut, flipped, emptied or swapped, before a command reads them or while it does.
module CondEmbed.Faults.Harms

open System
open System.IO
open System.Threading

let private files (folder: string) pattern =
    let found = if Directory.Exists folder then Directory.GetFiles(folder, pattern, SearchOption.AllDirectories) else [||]
    found |> Array.filter (fun file -> FileInfo(file).Length > 0L) |> Array.sort

let private copy (from: string) (into: string) =
    for file in Directory.GetFiles(from, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(into, Path.GetRelativePath(from, file))
        Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
        File.Copy(file, target)

    into

/// Harms one of some files, in place as a failing disk does or by a new file as a careless copy does; none where there are none.
let private harm (random: Random) (among: string array) =
    if among.Length > 0 then
        let file = among[random.Next among.Length]
        let bytes = File.ReadAllBytes file
        let at = random.Next bytes.Length

        let harmed =
            match random.Next 4 with
            | 0 ->
                bytes[at] <- bytes[at] ^^^ (1uy <<< random.Next 8)
                bytes
            | 1 -> bytes[.. at - 1]
            | 2 -> [||]
            | _ -> File.ReadAllBytes among[random.Next among.Length]

        if random.Next 2 = 0 then
            use stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)
            stream.Write(ReadOnlySpan harmed)
            stream.SetLength harmed.LongLength
        else
            File.Delete file
            File.WriteAllBytes(file, harmed)

/// A finished command has to have found nothing wrong, or said what.
let private orTold (ended: Ended) (same: unit -> Ending) =
    Case.told [ 0; 1; 2 ] ended
    if ended.Code = 0 then same () else Told

/// Lets something happen while a work is under way.
let private during (random: Random) (work: Work) folder (action: unit -> unit) =
    use child = Work.start work folder work.Arguments
    let until = DateTime.UtcNow + Case.anyTime random work

    while not child.HasExited && DateTime.UtcNow < until do
        Thread.Sleep 1

    action ()
    child.End()

/// Training is killed, and its newest checkpoint is harmed: it goes on from the one before.
let private checkpoint (random: Random) folder =
    let work = Works.train.Value

    let ended =
        use child = Work.start work folder work.Arguments
        let until = DateTime.UtcNow + Case.anyTime random work

        while not child.HasExited && DateTime.UtcNow < until do
            Thread.Sleep 1

        child.Send Signal.Kill
        child.End()

    let checkpoints = Path.Combine(folder, "run", "checkpoints")
    let saved = if Directory.Exists checkpoints then Directory.GetDirectories(checkpoints, "step-*") |> Array.sort else [||]

    if ended.Code = 0 || saved.Length = 0 then
        Case.settle work folder ended
    else
        harm random (files (Array.last saved) "*")
        let again = Work.run work folder (work.Again folder)
        // The first checkpoint has none before it.
        if saved.Length > 1 then Case.told [ 0 ] again
        orTold again (fun () -> Case.settle work folder again)

/// Images are harmed while they are read.
let private images (work: string -> Work) (random: Random) folder =
    let own = copy Works.images.Value (Path.Combine(folder, "images"))
    let pictures = files own "*"
    let work = work own
    let ended = during random { work with Name = "train" } folder (fun () -> harm random pictures)
    Case.told [ 0; 1; 2 ] ended

    if ended.Code = 0 then
        Same
    else
        Work.demand (ended.Error.Contains own) $"no image is named: {ended.Everything}"
        Told

/// A run's files are harmed before it is used, or while it is.
let private model (random: Random) folder =
    let own = copy Works.model.Value (Path.Combine(folder, "model"))
    let work = Works.embed.Value
    let arguments = [ for word in work.Arguments -> if word = Works.model.Value then own else word ]
    let act () = harm random (files own "*.safetensors" |> Array.append (files own "*.toml"))
    if random.Next 2 = 0 then act ()

    let ended = during random { work with Arguments = arguments } folder act
    orTold ended (fun () -> Case.settle work folder ended)

/// What a command says in a folder must be what it says without harm, or why it says nothing.
let private saying (prepare: string -> string list) pattern arguments (random: Random) folder =
    for command in prepare folder do
        Case.told [ 0 ] (Child.run folder (Child.condembed (command.Split '\t' |> List.ofArray)))

    let ask () = Child.run folder (Child.condembed arguments)
    let before = ask ()
    Case.told [ 0 ] before
    harm random (files folder pattern)
    let after = ask ()

    orTold after (fun () ->
        Work.demand (after.Out = before.Out) $"something else is said of a harmed file: {after.Everything}\nbefore: {before.Everything}"
        Same)

let private words (arguments: string list) = String.Join('\t', arguments)

let private index random folder =
    let query = (files Works.images.Value "*")[3]
    let search = [ "search"; Works.model.Value; "--store"; "x.index"; "--query"; query; "--json"; "--device"; "cpu" ]
    saying (fun _ -> [ words Works.index.Value.Arguments ]) "x.index" search random folder

/// Shards are harmed before they become an index.
let private shards (random: Random) folder =
    let load = [ "index"; "shards"; "--store"; "s.index" ]
    let store = Path.Combine(folder, "s.index")
    let digest () = if File.Exists store then Work.sha store else ""

    for part in [ "1/2"; "2/2" ] do
        Case.told [ 0 ] (Work.run (Works.shard part) folder (Works.shard part).Arguments)

    Case.told [ 0 ] (Child.run folder (Child.condembed load))
    let expected = digest ()
    File.Delete store
    harm random (files (Path.Combine(folder, "shards")) "*")
    let ended = Child.run folder (Child.condembed load)

    orTold ended (fun () ->
        Work.demand (digest () = expected) $"another index of harmed shards: {ended.Everything}"
        Same)

/// A cache is harmed between two trainings.
let private cache (work: Lazy<Work>) pattern (random: Random) folder =
    let work = work.Value
    Case.told [ 0 ] (Work.run work folder work.Arguments)
    Directory.Delete(Path.Combine(folder, "run"), true)
    harm random (files (Path.Combine(folder, pattern)) "*")
    let ended = Work.run work folder work.Arguments
    orTold ended (fun () -> Case.settle work folder ended)

let cases =
    let work name = Works.all |> List.find (fun (known, _) -> known = name) |> snd

    let ofImages name =
        images (fun own ->
            if name = "train" then
                Works.trainOn own "train" []
            else
                let embed = Works.embed.Value
                { embed with Arguments = [ for word in embed.Arguments -> if word = Works.images.Value then own else word ] })

    [ for name, attempt in
          [ "checkpoint", checkpoint
            "images-trained", ofImages "train"
            "images-embedded", ofImages "embed"
            "model", model
            "index", index
            "shards", shards
            "cache", cache (work "cache") "pixels"
            "trunk", cache (work "trunk") "maps" ] do
          { Name = $"harm.{name}"; Lacks = Case.always; Try = attempt } ]
