//! Outputs: a folder that is made before the work starts, files written under a temporary name and then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::console::Failure;

/// A folder for outputs that exists and can be written to.
#[derive(Debug)]
pub struct OutDir {
    path: PathBuf,
}

impl OutDir {
    /// Makes the folder, and proves that it can be written to.
    pub fn create(path: &Path) -> Result<OutDir, Failure> {
        fs::create_dir_all(path).map_err(|e| Failure::unwritable(path, &e))?;
        tempfile::Builder::new().prefix(".fleetcast-").tempfile_in(path).map_err(|e| Failure::unwritable(path, &e))?;
        Ok(OutDir { path: path.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file below the folder that appears only when it is whole.
    pub fn open(&self, name: &str) -> Result<Pending, Failure> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path).to_owned();
        fs::create_dir_all(&folder).map_err(|e| Failure::unwritable(&folder, &e))?;
        let file = tempfile::Builder::new()
            .prefix(".fleetcast-")
            .tempfile_in(&folder)
            .map_err(|e| Failure::unwritable(&path, &e))?;
        Ok(Pending { file, path })
    }

    /// Writes a whole file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut pending = self.open(name)?;
        let path = pending.path.clone();
        pending.file.write_all(bytes).map_err(|e| Failure::unwritable(&path, &e))?;
        pending.keep()
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct Pending {
    /// Where its bytes go for now.
    pub file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Pending {
    /// Gives it its name.
    pub fn keep(self) -> Result<(), Failure> {
        #[cfg(unix)]
        {
            // Temporary files are private by default; outputs are for whoever may read the folder.
            use std::os::unix::fs::PermissionsExt;
            let _ = self.file.as_file().set_permissions(fs::Permissions::from_mode(0o644));
        }
        let path = self.path;
        self.file.persist(&path).map(|_| ()).map_err(|e| Failure::unwritable(&path, &e.error))
    }
}
