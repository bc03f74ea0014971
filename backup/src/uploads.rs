//! The folder of uploads as one compressed file, read back before it counts.
//!
//! Files may come, grow and vanish while they are read: what is gone is left out, and a file is what
//! its size said when its turn came. Links are kept as links, and nothing outside the folder is read.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tar::{Archive, Builder, EntryType, Header};

use crate::digest::{CHUNK, FileFacts, Summing, facts_of};
use crate::files::Partial;
use crate::leash::Leash;

/// Files in one folder of uploads at most.
const MOST: u64 = 10_000_000;

/// Packs a folder into `target`; the file, and how many files are in it.
pub fn pack(folder: &Path, target: &Path, leash: &Leash) -> anyhow::Result<(FileFacts, u64)> {
    let shown = folder.display();
    let partial = Partial::create(target)?;
    let mut summing = Summing::new(&partial);
    let writer = BufWriter::with_capacity(CHUNK, &mut summing);
    let mut builder = Builder::new(GzEncoder::new(writer, Compression::default()));
    let packed = add_all(&mut builder, folder, leash).with_context(|| format!("pack {shown}"))?;
    let writer = builder
        .into_inner()
        .and_then(GzEncoder::finish)
        .context("write the archive")?;
    let flushed = writer.into_inner();
    flushed
        .map_err(io::IntoInnerError::into_error)
        .context("write the archive")?;
    let facts = summing.sum.facts(target);
    partial.keep()?;
    check(target, &facts, packed, leash).inspect_err(|_| drop(fs::remove_file(target)))?;
    Ok((facts, packed))
}

fn add_all<W: Write>(
    builder: &mut Builder<W>,
    folder: &Path,
    leash: &Leash,
) -> anyhow::Result<u64> {
    let mut packed = 0;
    let mut waiting = vec![PathBuf::new()];
    while let Some(inside) = waiting.pop() {
        let entries = match fs::read_dir(folder.join(&inside)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && packed > 0 => continue,
            entries => entries.context("read a folder")?,
        };
        for entry in entries {
            leash.check()?;
            let entry = entry.context("read a folder")?;
            let inside = inside.join(entry.file_name());
            match add(builder, &entry.path(), &inside) {
                Ok(Added::Folder) => waiting.push(inside),
                Ok(Added::File) => packed += 1,
                Ok(Added::Nothing) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The name of a file may be a person's.
                Err(error) => return Err(error).context("read a file"),
            }
            if packed > MOST {
                bail!("more than {MOST} files");
            }
        }
    }
    Ok(packed)
}

enum Added {
    Folder,
    File,
    /// A socket or a device.
    Nothing,
}

fn add<W: Write>(builder: &mut Builder<W>, path: &Path, inside: &Path) -> io::Result<Added> {
    let metadata = fs::symlink_metadata(path)?;
    let mut header = Header::new_gnu();
    header.set_metadata(&metadata);
    if metadata.is_dir() {
        builder.append_data(&mut header, inside, io::empty())?;
        return Ok(Added::Folder);
    }
    if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, inside, fs::read_link(path)?)?;
        return Ok(Added::File);
    }
    if !metadata.is_file() {
        return Ok(Added::Nothing);
    }
    let size = metadata.len();
    header.set_size(size);
    let file = File::open(path)?;
    // Exactly as much as the header says, whatever happens to the file meanwhile.
    builder.append_data(
        &mut header,
        inside,
        file.take(size).chain(io::repeat(0)).take(size),
    )?;
    Ok(Added::File)
}

fn check(target: &Path, expected: &FileFacts, packed: u64, leash: &Leash) -> anyhow::Result<()> {
    let shown = target.display();
    if facts_of(target, leash)? != *expected {
        bail!("{shown} is not what was written");
    }
    let file = File::open(target).with_context(|| format!("open {shown}"))?;
    let mut archive = Archive::new(GzDecoder::new(BufReader::with_capacity(CHUNK, file)));
    let mut found = 0;
    for entry in archive.entries().context("read the archive")? {
        leash.check()?;
        let mut entry = entry.context("read the archive")?;
        found += u64::from(!entry.header().entry_type().is_dir());
        io::copy(&mut entry, &mut io::sink()).context("read the archive")?;
    }
    if found != packed {
        bail!("{shown} has {found} files, {packed} were packed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = folder.path().join("uploads");
        fs::create_dir_all(uploads.join("a/b")).unwrap();
        fs::write(uploads.join("a/b/é.pdf"), vec![1; 70_000]).unwrap();
        fs::write(uploads.join("empty"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", uploads.join("link")).unwrap();
        let target = folder.path().join("u.tar.gz");
        let (facts, files) = pack(&uploads, &target, &Leash::default()).unwrap();
        assert_eq!(
            (files, facts.bytes),
            (3, fs::metadata(&target).unwrap().len())
        );
        let back = folder.path().join("back");
        let file = GzDecoder::new(File::open(&target).unwrap());
        Archive::new(file).unpack(&back).unwrap();
        assert_eq!(fs::read(back.join("a/b/é.pdf")).unwrap(), vec![1; 70_000]);
        assert_eq!(
            fs::read_link(back.join("link")).unwrap(),
            Path::new("/etc/passwd")
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("u.tar.gz");
        assert!(pack(&folder.path().join("no"), &target, &Leash::default()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
