/// Disks that are full or read-only.
module CondEmbed.Faults.Disks

open System

let private command folder (words: string list) =
    let ended = Child.run folder words
    Work.demand (ended.Code = 0) ended.Everything

/// Does something while a folder is a disk of its own.
let private mounted (folder: string) (options: string list) (action: unit -> 'T) =
    command "/" ("mount" :: options @ [ folder ])
    let release () = command "/" [ "umount"; "--lazy"; folder ]
    // Also where this program is told to end.
    let atExit = EventHandler(fun _ _ -> release ())
    AppDomain.CurrentDomain.ProcessExit.AddHandler atExit

    try
        action ()
    finally
        AppDomain.CurrentDomain.ProcessExit.RemoveHandler atExit
        release ()

let private lacksMounts =
    let problem =
        lazy
            (try
                Work.inFolder (fun folder -> mounted folder [ "-t"; "tmpfs"; "tmpfs" ] ignore)
                None
             with
             | Wrong _
             | :? ComponentModel.Win32Exception -> Some "only root can mount disks")

    fun () -> problem.Value

/// On disks of growing size, until one is large enough. On each that is not, the command goes on once there is room.
let private full (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value
    let room = 4 * (Work.undisturbed work).Kilobytes + 1024

    let onDisk kilobytes =
        mounted folder [ "-t"; "tmpfs"; "-o"; $"size={kilobytes}k"; "tmpfs" ] (fun () ->
            let ended = Work.run work folder work.Arguments

            if ended.Code <> 0 then
                Case.told [ 1 ] ended
                Work.demand (ended.Error.Contains "full") $"that the disk is full is not said: {ended.Everything}"

                Work.demand
                    (Array.isEmpty (Work.unfinished folder))
                    $"unfinished files are left: {Work.unfinishedNames folder}{ended.Everything}"

                command "/" [ "mount"; "-o"; $"remount,size={room}k"; folder ]

            Case.settle work folder ended)

    let rec grow kilobytes =
        if onDisk (min room kilobytes) = Told then
            Work.demand (kilobytes < room) $"{room} kB are not enough"
            grow (int (float kilobytes * (1.5 + 2.5 * random.NextDouble())) + 4)

    grow (4 + random.Next(8 + (Work.undisturbed work).Kilobytes / 40))
    Told

/// On a disk that cannot be written to, and then can.
let private readOnly (work: Lazy<Work>) _ folder =
    let work = work.Value

    let ended =
        mounted folder [ "--bind"; folder ] (fun () ->
            command "/" [ "mount"; "-o"; "remount,bind,ro"; folder ]
            Work.run work folder work.Arguments)

    Case.told [ 2 ] ended
    Work.demand (ended.Error.Contains "read-only") $"that the disk is read-only is not said: {ended.Everything}"
    Case.settle work folder ended

let cases =
    [ for name, work in Works.all do
          { Name = $"full.{name}"; Lacks = lacksMounts; Try = full work }

          { Name = $"read-only.{name}"; Lacks = lacksMounts; Try = readOnly work } ]
